/** The model card as elements: as much markdown as src/report/card.py writes. */

/** Give the elements of a text of headings, paragraphs, lists, tables and **bold** words. */
export function renderCard(markdown: string): HTMLElement[] {
  return markdown
    .trim()
    .split(/\n{2,}/)
    .map((block) => {
      const lines = block.split("\n");
      const heading = /^(#+) (.*)/.exec(block);
      if (heading) return element(heading[1].length === 1 ? "h3" : "h4", heading[2]);
      if (lines[0].startsWith("|")) return table(lines);
      if (lines.every((line) => /^[-*] /.test(line)))
        return parent(
          "ul",
          lines.map((line) => element("li", line.slice(2))),
        );
      return element("p", lines.join(" "));
    });
}

function table(lines: string[]): HTMLElement {
  const [head, , ...body] = lines.map((line) =>
    line
      .replace(/^\||\|\s*$/g, "")
      .split("|")
      .map((cell) => cell.trim()),
  );
  const row = (cells: string[], tag: "td" | "th") =>
    parent(
      "tr",
      cells.map((cell) => element(tag, cell)),
    );
  return parent("table", [
    parent("thead", [row(head, "th")]),
    parent(
      "tbody",
      body.map((cells) => row(cells, "td")),
    ),
  ]);
}

/** Text only, so that no markup in a card ever becomes the page's; **bold** is all it knows. */
function element(tag: string, text: string): HTMLElement {
  const parts = text.split("**").map((part, index) => {
    if (index % 2 === 0) return document.createTextNode(part);
    const bold = document.createElement("strong");
    bold.textContent = part;
    return bold;
  });
  return parent(tag, parts);
}

function parent(tag: string, children: Node[]): HTMLElement {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}
