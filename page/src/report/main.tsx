import { render } from "preact";
import { answerFrom } from "../api";
import { fixClock } from "../clock";
import { Report } from "./report";
import { decoded, sourceOf } from "./source";

const place = document.getElementById("page");
const content = await decoded(document.getElementById("report")?.textContent ?? "");
answerFrom(sourceOf(content));
fixClock(content.made_at * 1000);
if (place) render(<Report content={content} />, place);
