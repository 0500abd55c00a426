/** What the queues of a system are called that keeps calls and casts apart. */
export function twoQueues(name) {
  return { calls: `${name}.calls`, casts: `${name}.casts` };
}
