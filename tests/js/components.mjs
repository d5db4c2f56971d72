// The scripts of a component are read in a row and know one another; here they are run that way, without a browser.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const folder = fileURLToPath(new URL("../../nnviz/ui/components/", import.meta.url));

// What `files` declare, by name: functions, and constants too.
export function declared(files, names) {
  const source = files.map((file) => readFileSync(folder + file, "utf8").replaceAll("export default", "const shown =")).join("\n");
  return vm.runInNewContext(`${source}\n;({ ${names.join(", ")} })`, { Math, JSON, Number, console, Map, WeakMap, performance });
}
