// What the codec costs beside JSON, and with shapes of objects beside its plain form: ns per encode and decode of one value,
// medians of interleaved rounds, and of the ratios within each round with their quartiles.
// node bench/codec.mjs [rounds]; build first.
import { ReceivedShapes, SentShapes, ValueReader, ValueWriter } from "@trunkline/core/driver";

const rounds = Number(process.argv[2] ?? 15);

const shapes = {
  "small 100 B": {
    id: "f3b1c2d4-77aa",
    name: "instance-00042",
    state: "running",
    cpus: 4,
    memory: 8192,
    load: 0.37,
    ok: true,
    host: "host7@ceph",
  },
  "mixed 400 B": {
    request: { id: "req-7d1f0c55", user: "alice", project: "demo", roles: ["member", "reader"] },
    instance: {
      uuid: "0b9c7b0e-4a3d-4d26-9f2e-0d9a4f1c2b3d",
      name: "web-1",
      flavor: { vcpus: 2, ram: 4096, disk: 40 },
    },
    networks: [
      { id: "net-1", address: "10.0.0.4", mac: "fa:16:3e:00:00:01", up: true },
      { id: "net-2", address: "10.0.1.4", mac: "fa:16:3e:00:00:02", up: false },
    ],
    created: 1_700_000_000_123,
    deleted: null,
  },
  "numbers x100": Array.from({ length: 100 }, (_, i) => (i % 3 === 0 ? i * 1.1 : i * 1000)),
  "text 4 KiB": { text: "The quick brown fox jumps over the lazy dog. ".repeat(91) },
  "unicode 1 KiB": { text: "Größenänderung für Straße, naïve café 日本 ".repeat(20) },
  "rows x50": Array.from({ length: 50 }, (_, i) => ({
    id: i,
    name: `disk-${i}`,
    size: i * 1024,
    used: i / 7,
    bus: "virtio",
  })),
};

const slab = Buffer.alloc(1 << 16);
const writer = new ValueWriter({
  onFull() {
    throw new Error("the slab holds every shape");
  },
});
const reader = new ValueReader();
let sink = 0;

/** Of a connection that has seen such values before. */
function shaped(value) {
  const sent = new SentShapes();
  const received = new ReceivedShapes();
  writer.shapes = sent;
  for (let sight = 0; sight < 3; sight++) {
    writer.bytes = slab;
    writer.position = 0;
    writer.value(value);
  }
  for (const keys of sent.take()) received.add(keys, 0);
  return ours(value, sent, received);
}

function ours(value, sent = undefined, received = undefined) {
  writer.bytes = slab;
  writer.position = 0;
  writer.shapes = sent;
  writer.value(value);
  const encoded = Buffer.from(slab.subarray(0, writer.position));
  return {
    size: encoded.length,
    encode() {
      if (writer.position > 40_000) writer.position = 0;
      writer.shapes = sent;
      writer.value(value);
    },
    decode() {
      reader.reset(encoded);
      reader.shapes = received;
      sink += reader.value() === null ? 1 : 0;
    },
  };
}

function json(value) {
  const encoded = Buffer.from(JSON.stringify(value));
  return {
    size: encoded.length,
    encode() {
      sink += slab.write(JSON.stringify(value), 0, "utf8");
    },
    decode() {
      sink += JSON.parse(encoded.toString("utf8")) === null ? 1 : 0;
    },
  };
}

function measure(fn, budgetMs) {
  let count = 0;
  const start = process.hrtime.bigint();
  const end = start + BigInt(budgetMs * 1e6);
  let now = start;
  while (now < end) {
    for (let i = 0; i < 100; i++) fn();
    count += 100;
    now = process.hrtime.bigint();
  }
  return Number(now - start) / count;
}

const quantile = (numbers, part) => numbers.toSorted((a, b) => a - b)[Math.floor((numbers.length - 1) * part)];
const median = (numbers) => quantile(numbers, 0.5);
const cases = Object.entries(shapes).map(([name, value]) => ({
  name,
  ours: ours(value),
  shaped: shaped(value),
  json: json(value),
}));
const samples = new Map();
for (let round = -3; round < rounds; round++) {
  for (const { name, ...codecs } of cases) {
    for (const [codec, { encode, decode }] of Object.entries(codecs)) {
      for (const [verb, fn] of Object.entries({ encode, decode })) {
        const ns = measure(fn, 8);
        const key = `${name} ${codec} ${verb}`;
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), ns]);
      }
    }
  }
}
console.log("| value | bytes | JSON bytes | encode ns | JSON | decode ns | JSON | both, times JSON |");
console.log("|---|---:|---:|---:|---:|---:|---:|---:|");
for (const { name, ours, json } of cases) {
  const ns = (codec, verb) => median(samples.get(`${name} ${codec} ${verb}`));
  const [oe, je, od, jd] = [ns("ours", "encode"), ns("json", "encode"), ns("ours", "decode"), ns("json", "decode")];
  const faster = (je + jd) / (oe + od);
  const cells = [name, ours.size, json.size, ...[oe, je, od, jd].map((n) => n.toFixed(0)), `${faster.toFixed(2)}x`];
  console.log(`| ${cells.join(" | ")} |`);
}
console.log("\n| value | bytes by shapes | encode, times plain | decode, times plain | both |");
console.log("|---|---:|---:|---:|---:|");
for (const { name, shaped } of cases) {
  const of = (codec, ...verbs) =>
    verbs.map((verb) => samples.get(`${name} ${codec} ${verb}`)).reduce((sum, list) => sum.map((n, i) => n + list[i]));
  const times = (...verbs) => {
    const byShapes = of("shaped", ...verbs);
    const ratios = of("ours", ...verbs).map((n, round) => n / byShapes[round]);
    return `${median(ratios).toFixed(2)} (${quantile(ratios, 0.25).toFixed(2)} to ${quantile(ratios, 0.75).toFixed(2)})`;
  };
  console.log(`| ${[name, shaped.size, times("encode"), times("decode"), times("encode", "decode")].join(" | ")} |`);
}
if (sink < 0) console.log(sink);
