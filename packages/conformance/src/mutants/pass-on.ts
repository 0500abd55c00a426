import type { Delivery, Event, ReplySink, Request } from "@trunkline/core/driver";

/** A sink that tells `sink` all that it hears, but for what is replaced. */
export function passOn(sink: ReplySink, replaced: Partial<ReplySink>): ReplySink {
  return {
    accepted: (peer) => sink.accepted(peer),
    beat: () => sink.beat(),
    item: (value) => sink.item(value),
    end: (outcome) => sink.end(outcome),
    lost: (error, mayHaveRun) => sink.lost(error, mayHaveRun),
    ...replaced,
  };
}

/** The delivery with some of its members replaced; the others are those of `delivery`, which they stay bound to. */
export function changedDelivery(delivery: Delivery, replaced: Partial<Delivery>): Delivery {
  return changed(delivery, replaced);
}

/** The message with some of its members replaced. */
export function changedMessage<Message extends Request | Event>(message: Message, replaced: Partial<Message>): Message {
  return changed(message, replaced);
}

// A proxy and no copy: what a driver hands over may be of a class of its own, with getters and private fields.
function changed<Thing extends object>(thing: Thing, replaced: Partial<Thing>): Thing {
  return new Proxy(thing, {
    get(target, key) {
      if (Object.hasOwn(replaced, key)) return Reflect.get(replaced, key);
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
