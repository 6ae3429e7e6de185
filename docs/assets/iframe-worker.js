// A browser starts no worker from a folder (file://): there the search runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    #frame = document.createElement("iframe");
    #ready;

    constructor(url) {
      super();
      this.#frame.hidden = true;
      this.#ready = new Promise((loaded, failed) => {
        this.#frame.onload = () => {
          const scope = this.#frame.contentWindow;
          scope.postMessage = (sent) => {
            // Both sides change what they send and get, as they may where a worker has a copy.
            const message = new MessageEvent("message", { data: structuredClone(sent) });
            this.onmessage?.(message);
            this.dispatchEvent(message);
          };
          const script = scope.document.createElement("script");
          script.src = url;
          script.onload = () => loaded(scope);
          script.onerror = failed;
          scope.document.body.append(script);
        };
      });
      this.#frame.srcdoc = "<!doctype html><body></body>";
      document.body.append(this.#frame);
    }

    postMessage(sent) {
      const data = structuredClone(sent);
      this.#ready.then((scope) => {
        const copy = scope.structuredClone(data);
        scope.dispatchEvent(new scope.MessageEvent("message", { data: copy }));
      });
    }

    terminate() {
      this.#frame.remove();
    }
  };
}
