import { NotSupportedError } from "@trunkline/core/driver";

/** How many names are remembered; beyond, the oldest is forgotten, and a collision with it goes unnoticed. */
const REMEMBERED = 50_000;

/** What one transport uses a name of the broker for, so that one name is never used for two things. */
export class NameRegistry {
  readonly #driver: string;
  readonly #meanings: Map<string, string> = new Map();
  readonly #exchanges: Map<string, string> = new Map();

  constructor(driver: string) {
    this.#driver = driver;
  }

  /** @throws NotSupportedError naming `exactNames` where the name has another meaning already. */
  claim(kind: "queue" | "exchange", name: string, meaning: string): void {
    const key = `${kind} ${name}`;
    const other = this.#meanings.get(key);
    if (other === meaning) return;
    if (other === undefined) {
      remember(this.#meanings, key, meaning);
      return;
    }
    this.refuse(
      "exactNames",
      `${meaning} and ${other} would share the ${kind} ${JSON.stringify(name)}; rename one of them`,
    );
  }

  /** @throws NotSupportedError naming `exchanges` where the topic is in use on another exchange. */
  claimTopic(topic: string, exchange: string): void {
    const other = this.#exchanges.get(topic);
    if (other === exchange) return;
    if (other === undefined) {
      remember(this.#exchanges, topic, exchange);
      return;
    }
    const [asked, used, name] = [exchange, other, topic].map((text) => JSON.stringify(text));
    this.refuse(
      "exchanges",
      `topic ${name} on exchange ${asked} would share its queues with topic ${name} on exchange ${used}; use another topic`,
    );
  }

  /** @throws NotSupportedError */
  refuse(capability: "exactNames" | "exchanges", why: string): never {
    throw new NotSupportedError(
      `${why}: oslo.messaging's names carry no more than this, and the driver does not claim "${capability}"`,
      capability,
      this.#driver,
    );
  }
}

function remember(map: Map<string, string>, key: string, value: string): void {
  const [oldest] = map.size >= REMEMBERED ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
  map.set(key, value);
}
