import { SerializationError } from "@trunkline/core/driver";
import fc from "fast-check";
import { expect, test } from "vitest";
import { contextMembers, RESERVED_CONTEXT_KEYS, readContext } from "../../src/wire/context.js";
import { hexId } from "../../src/wire/ids.js";
import { anyJsonObject } from "./values.js";

test("each member is one of the message, and comes back", () => {
  expect(contextMembers({ user_id: "u", "": 1 })).toEqual({ _context_user_id: "u", _context_: 1 });
  fc.assert(
    fc.property(anyJsonObject(), (context) => {
      const members = contextMembers(context as never);
      const back = readContext({ method: "m", ...members });
      expect(back).toEqual(context);
      expect(Object.keys(back).toSorted()).toEqual(Object.keys(context).toSorted());
      expect(Object.getPrototypeOf(back)).toBe(Object.prototype);
    }),
  );
});

test.each(RESERVED_CONTEXT_KEYS)("%s is refused at the sender, and taken out at the receiver", (key) => {
  const send = (): unknown => contextMembers({ user: "u", [key]: null });
  expect(send).toThrow(SerializationError);
  expect(send).toThrow(
    expect.objectContaining({ path: `context.${key}`, message: expect.stringContaining("another name") }),
  );
  expect(contextMembers({ user: "u", [key]: undefined })).toEqual({ _context_user: "u" });
  expect(readContext({ [`_context_${key}`]: 5, _context_user: "u" })).toEqual({ user: "u" });
});

test("the reserved names are those that a Python server puts there", () => {
  expect(RESERVED_CONTEXT_KEYS).toEqual(["msg_id", "reply_q", "client_timeout"]);
});

test("names of the message itself are ordinary in a context", () => {
  const context = { _msg_id: 1, method: "m", _context_x: { a: 1 }, constructor: 2, toString: 3 };
  expect(readContext(contextMembers(context))).toEqual(context);
});

test("an id is written as oslo writes its own", () => {
  expect(hexId("0776be0a-e558-4fe7-8c90-7dc9be27bedf")).toBe("0776be0ae5584fe78c907dc9be27bedf");
  for (const id of ["", "m-1", "0776be0ae5584fe78c907dc9be27bedf", "0776be0a-e558-4fe7-8c90-7dc9be27bedf-1"]) {
    expect(hexId(id)).toBe(id);
  }
});
