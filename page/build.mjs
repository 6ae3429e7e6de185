// Builds the page into functions/page/built: index.html, and assets whose names have hashes.
// `node build.mjs FOLDER` builds into another folder. Fails if all of it compressed is too large.
// It builds beside the folder and takes its place at the end, so that a service that runs always has a whole page,
// and two builds at once do not mix.

import { readFileSync, rmSync, mkdirSync, mkdtempSync, renameSync, writeFileSync, readdirSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const MOST_BYTES = 150_000;
const here = fileURLToPath(new URL(".", import.meta.url));
const target = resolve(process.argv[2] ?? join(here, "../functions/page/built"));

mkdirSync(dirname(target), { recursive: true });
const beside = mkdtempSync(join(dirname(target), ".building-"));
process.on("exit", () => rmSync(beside, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => process.exit(1));
const folder = join(beside, "new");
mkdirSync(folder);
const options = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
};
const { metafile } = await build({
  ...options,
  entryPoints: { page: "src/main.tsx", style: "src/style/index.css", icon: "src/icon.svg" },
  outdir: join(folder, "assets"),
  entryNames: "[name]-[hash]",
  chunkNames: "part-[hash]",
  splitting: true,
  loader: { ".svg": "copy" },
  metafile: true,
});
// All in one script, for a report is one file.
await build({
  ...options,
  entryPoints: ["src/report/main.tsx"],
  outfile: join(folder, "report.js"),
});
const named = (start) => {
  const found = Object.keys(metafile.outputs).map((path) => basename(path));
  return found.find((name) => name.startsWith(`${start}-`));
};
const html = readFileSync(join(here, "src/index.html"), "utf8")
  .replace("{script}", named("page"))
  .replace("{style}", named("style"))
  .replace("{icon}", named("icon"));
writeFileSync(join(folder, "index.html"), html);

const files = [join(folder, "index.html"), join(folder, "report.js"), ...readdirSync(join(folder, "assets")).map((n) => join(folder, "assets", n))];
const bytes = files.reduce((sum, file) => sum + gzipSync(readFileSync(file)).length, 0);
console.log(`page: ${files.length} files, ${bytes} bytes compressed`);
if (bytes > MOST_BYTES) throw new Error(`more than ${MOST_BYTES} bytes`);

// The time between the two renames is too short to be seen, but another build may fit in: then once more.
for (let old = 0; ; old += 1) {
  try {
    renameSync(target, join(beside, `old-${old}`));
  } catch (fault) {
    if (fault.code !== "ENOENT") throw fault;
  }
  try {
    renameSync(folder, target);
    break;
  } catch (fault) {
    if (fault.code !== "ENOTEMPTY" && fault.code !== "EEXIST") throw fault;
  }
}
