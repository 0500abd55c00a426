import type { Command } from "../arguments/command.js";
import { describeDriver, listDrivers } from "../drivers/installed.js";
import { driverTable } from "../drivers/table.js";
import { EXIT_OK } from "../exit-code.js";

/** `drivers` prints a list of scheme, package, version and manifest. */
export const drivers: Command = {
  name: "drivers",
  summary: "list the installed drivers, and what each claims in its manifest",
  operands: [
    { name: "URL", kind: "optional", help: "only the driver of this URL, with the manifest that it would have" },
  ],
  options: [{ name: "json", help: "JSON on a terminal too, instead of a table" }],
  example: "trunkline drivers",

  async run(input, { terminal }) {
    const url = input.optional("URL");
    const found = url === undefined ? await listDrivers() : [await describeDriver(url)];
    if (terminal.isRead && !input.has("json")) await terminal.text(driverTable(found));
    else await terminal.result(found);
    return EXIT_OK;
  },
};
