"""Refuse ambiguous requests.

If a proxy and this server disagree about where a request ends, or about its host, one of them
would pass on a request that the other refuses (RFC 9112, sections 3.2, 3.3 and 6.3).
"""

import re

from waitress.parser import HTTPRequestParser, ParsingError

_ENCODING = re.compile(rb"\r\ntransfer-encoding:[ \t]*([^\r\n]*?)[ \t]*(?=\r\n)", re.IGNORECASE)
_HOST = re.compile(r"[A-Za-z0-9._~!$&'()*+;=%-]*(:[0-9]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]*)?")


class CheckedRequest(HTTPRequestParser):
    """Parses a request. `ParsingError` becomes the answer 400."""

    request_uri: str
    proxy_scheme: str
    proxy_netloc: str

    def parse_header(self, header_plus: bytes) -> None:
        try:
            super().parse_header(header_plus)
        except ValueError as fault:  # a number with thousands of digits, or an invalid address
            raise ParsingError("the request cannot be read") from fault
        encodings = [each.lower() for each in _ENCODING.findall(header_plus)]
        if encodings and "CONTENT_LENGTH" in self.headers:
            raise ParsingError("both Transfer-Encoding and Content-Length say where the body ends")
        if encodings and (encodings != [b"chunked"] or self.version != "1.1"):
            raise ParsingError("Transfer-Encoding may be chunked, once, in HTTP/1.1")
        self._check_host()

    def _check_host(self) -> None:
        host = self.headers.get("HOST")
        if host is None and self.version == "1.1":
            raise ParsingError("the header Host is missing")
        if not _HOST.fullmatch(host or ""):
            raise ParsingError("the header Host is to be one host, with its port and nothing else")
        if self.proxy_scheme or self.proxy_netloc:
            if self.proxy_netloc.lower() != (host or "").lower():
                raise ParsingError("the request line names another host than the header Host")
        elif not self.request_uri.startswith("/") and self.request_uri != "*":
            raise ParsingError("the request line names no path")
