import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig, type Plugin } from "vite";

const WORKER = "service-worker.js";

/** Tell the service worker which files the page consists of: all but the model's, which change without a build. */
function fillInServiceWorker(): Plugin {
  return {
    name: "fill-in-service-worker",
    writeBundle({ dir = "dist" }) {
      const files = readdirSync(dir, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) =>
          join(entry.parentPath, entry.name)
            .slice(join(dir).length + 1)
            .replaceAll("\\", "/"),
        )
        // Hosts serve no dot files, as a Mac or an interrupted deploy leaves in public/; one lost file fails them all.
        .filter((name) => !name.startsWith("model/") && name !== WORKER && !/(^|\/)\./.test(name))
        .sort();
      const sha256 = (content: string | Buffer) => createHash("sha256").update(content);
      const integrity = (name: string) => `sha256-${sha256(readFileSync(join(dir, name))).digest("base64")}`;
      const pages = Object.fromEntries(
        files.map((name) => [name === "index.html" ? "./" : name, integrity(name)]),
      );
      const digest = sha256(JSON.stringify(pages)).digest("hex").slice(0, 16);
      const facts = `const FILES = ${JSON.stringify(pages)}, DIGEST = "${digest}";\n`;
      writeFileSync(join(dir, WORKER), facts + readFileSync(join(dir, WORKER), "utf-8"));
    },
  };
}

export default defineConfig({
  base: "./", // any folder of any static host
  plugins: [fillInServiceWorker()],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the policy in index.html allows no data: addresses
    modulePreload: false,
    rolldownOptions: {
      input: ["index.html", "src/service-worker.ts"],
      output: { entryFileNames: ({ name }) => (name === "service-worker" ? WORKER : "assets/[name]-[hash].js") },
    },
  },
});
