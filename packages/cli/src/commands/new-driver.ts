import { resolve } from "node:path";
import type { Command } from "../arguments/command.js";
import { EXIT_OK } from "../exit-code.js";
import { driverNames } from "../new-driver/driver-names.js";
import { layDown } from "../new-driver/lay-down.js";

/** `new-driver` lays down a package that compiles and opens, and prints what it wrote. */
export const newDriver: Command = {
  name: "new-driver",
  summary: "lay down the package of a driver, with the kit as its test",
  operands: [
    { name: "NAME", kind: "required", help: "the scheme of its URLs, such as pigeon for pigeon://" },
    { name: "DIR", kind: "required", help: "a folder that is empty, or does not exist yet" },
  ],
  options: [
    {
      name: "package",
      value: "NAME",
      help: "another package name than trunkline-driver-NAME; applications then pass it as a driver, since no URL finds it",
    },
  ],
  example: "trunkline new-driver pigeon ./trunkline-driver-pigeon",

  async run(input, { terminal }) {
    const names = driverNames(input.required("NAME"), input.optional("package"));
    const folder = resolve(input.required("DIR"));
    const files = layDown(folder, names);
    terminal.say(`next: cd ${input.required("DIR")} && npm install && npm test`);
    await terminal.result({ package: names.package, scheme: names.scheme, folder, files });
    return EXIT_OK;
  },
};
