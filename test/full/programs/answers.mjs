/** What the test that started this process told it. */
export const config = JSON.parse(process.argv[2] ?? "{}");

/**
 * Answers what the test asks by name. After `close` nothing but what the program left open keeps the process alive; a
 * process whose test is gone ends at once.
 */
export function answer(programs) {
  let isClosing = false;
  process.on("message", async ({ id, what, input }) => {
    try {
      const result = await programs[what](input);
      process.send({ id, result }, () => {
        if (what !== "close") return;
        isClosing = true;
        process.disconnect();
      });
    } catch (error) {
      process.send({ id, error: error.stack });
    }
  });
  process.on("disconnect", () => {
    if (!isClosing) process.exit(1);
  });
  process.send({ id: 0 });
}
