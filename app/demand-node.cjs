// Ends with status 1 and one line where Node is none that Vite runs on (`engines` in package.json says the same to npm).
const [major, minor] = process.versions.node.split(".").map(Number);
const isFit = major === 20 ? minor >= 19 : major === 22 ? minor >= 12 : major > 22;
if (!isFit) {
  console.error(`found node ${process.version}, expected 20.19 to 20.x or 22.12 and newer; see nodejs.org`);
  process.exit(1);
}
