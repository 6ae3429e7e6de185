import assert from "node:assert/strict";
import { test } from "node:test";
import { shown } from "../src/trials/terminal";

test("colours, titles, links and other control characters are left out", () => {
  assert.equal(shown("\x1b[1;32mgreen\x1b[0m \x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\ \x1b(Bb\x00\x08c"), "green alink bc");
});

test("of a line that is written again and again the last state is left", () => {
  assert.equal(shown("\r  0%\r 50%\r100%\nnext\r\n\r\nend\r"), "100%\nnext\n\nend");
});

test("text without them stays as it is", () => {
  assert.equal(shown("a\tb\n\nü 中 [32m\n"), "a\tb\n\nü 中 [32m\n");
});
