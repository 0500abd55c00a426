/** What is sent: one small shape, ten shapes in three sizes, and texts of 10 KiB, 100 KiB and 1 MiB. Each call gets the next of its kind. */

const words = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"];
const word = (i) => words[i % words.length];

const small = (i) => ({
  id: i,
  name: `instance-${i % 1000}`,
  flavor: "m1.small",
  state: "active",
  tags: ["a", "b"],
  cpu: 2,
  ram: 4096.5,
});

const medium = (i, variant) => ({
  request: `req-${i}`,
  [`field_${variant}`]: word(i),
  owner: { project: `p${i % 50}`, user: `u${i % 200}`, roles: ["member", "reader"] },
  disks: Array.from({ length: 4 }, (_, d) => ({
    device: `vd${word(d)[0]}`,
    size: 10 + d,
    boot: d === 0,
    bus: "virtio",
  })),
  network: { name: `net-${variant}`, cidr: "10.0.0.0/24", dhcp: true, gateway: null },
  created: "2026-01-01T00:00:00.000Z",
});

const large = (i, variant) => ({
  request: `req-${i}`,
  kind: `report_${variant}`,
  rows: Array.from({ length: 40 }, (_, r) => ({
    id: i + r,
    host: `host-${r}`,
    load: r / 7,
    up: r % 3 !== 0,
    note: word(r),
  })),
});

const MIX = [
  small,
  (i) => ({ a: i, b: word(i), c: true }),
  (i) => ({ host: word(i), metrics: { cpu: i % 100, mem: 0.5, io: [1, 2, 3] } }),
  (i) => ({ ids: [i, i + 1, i + 2], op: "delete", force: false }),
  (i) => medium(i, "a"),
  (i) => medium(i, "b"),
  (i) => medium(i, "c"),
  (i) => large(i, "a"),
  (i) => large(i, "b"),
  (i) => ({ text: word(i).repeat(20), at: i, ok: null }),
];

/** Text, since the peers that speak JSON have nothing else; all of it ASCII, which is the cheapest for each of them. */
const text = (kib) => {
  const body = "x".repeat(kib * 1024);
  return (i) => ({ id: i, body });
};

export const PAYLOADS = {
  small,
  mix: (i) => MIX[i % MIX.length](i),
  "10k": text(10),
  "100k": text(100),
  "1M": text(1024),
};
