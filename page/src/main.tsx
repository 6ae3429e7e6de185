import { render } from "preact";
import { App } from "./app";
import { finish } from "./sign-in";

const place = document.getElementById("page");
let fault: unknown = null;
await finish().catch((problem: unknown) => (fault = problem));
if (place) render(<App fault={fault} />, place);
