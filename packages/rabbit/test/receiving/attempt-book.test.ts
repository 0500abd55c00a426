import { expect, test } from "vitest";
import { AttemptBook } from "../../src/receiving/attempt-book.js";

test("the first attempt is 1, and asking does not count", () => {
  const book = new AttemptBook();
  expect([book.next("a"), book.next("a")]).toEqual([1, 1]);
});

test("each that was asked for again counts one more, for its own event", () => {
  const book = new AttemptBook();
  for (const attempt of [1, 2, 3]) {
    expect(book.next("a")).toBe(attempt);
    book.note("a", attempt);
  }
  expect([book.next("a"), book.next("b")]).toEqual([4, 1]);
});

test("ten thousand events are counted; the one that was asked for longest ago is forgotten", () => {
  const book = new AttemptBook();
  for (let index = 0; index < 10_000; index++) book.note(`id-${index}`, 1);
  // Asked for again just now, it is not the oldest any more.
  book.note("id-0", 2);
  book.note("one more", 1);
  expect([book.next("id-0"), book.next("id-1"), book.next("id-2"), book.next("one more")]).toEqual([3, 1, 2, 2]);
});
