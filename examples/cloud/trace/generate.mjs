/**
 * Writes requests.jsonl, the same on every machine: `node generate.mjs > requests.jsonl`.
 *
 * Arrival times are a Poisson process with two bursts; what must fail says why, in `expect`.
 */
const REQUESTS = 420;
const MEAN_GAP_MS = 12;
const TENANTS = ["astronomy", "biology", "chemistry", "physics"];
const SIZES = [
  { vcpus: 1, ramMiB: 512, diskGiB: 1 },
  { vcpus: 2, ramMiB: 4_096, diskGiB: 20 },
  { vcpus: 4, ramMiB: 8_192, diskGiB: 40 },
  { vcpus: 8, ramMiB: 16_384, diskGiB: 80 },
];

let state = 0x2545f491;
/** xorshift32: uniform in [0, 1). */
function random() {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
}
const pick = (list) => list[Math.floor(random() * list.length)];

const running = [];
let instances = 0;
let atMs = 0;

function next(index) {
  const isBurst = (index > 100 && index < 140) || (index > 300 && index < 330);
  atMs += -Math.log(1 - random()) * (isBurst ? MEAN_GAP_MS / 4 : MEAN_GAP_MS);
  const base = { id: `req-${String(index + 1).padStart(4, "0")}`, atMs: Math.round(atMs) };
  const dice = random();
  if (dice < 0.5 || running.length < 5) return { ...base, ...boot() };
  const at = Math.floor(random() * running.length);
  const instance = running[at];
  const { size, image, userDataBytes, ...rest } = instance;
  const same = { ...base, ...rest, image, ...size, userDataBytes: 0 };
  if (dice < 0.55)
    return {
      ...same,
      kind: pick(["resize", "migrate", "delete"]),
      instance: `vm-none-${index}`,
      expect: "InstanceNotFound",
    };
  if (dice < 0.72) {
    const isHuge = random() < 0.1;
    if (!isHuge) instance.size = pick(SIZES);
    const size = isHuge ? { vcpus: 40, ramMiB: 65_536, diskGiB: 400 } : instance.size;
    return { ...same, kind: "resize", ...size, expect: isHuge ? "QuotaExceeded" : "done" };
  }
  if (dice < 0.86) return { ...same, kind: "migrate", expect: "done" };
  running.splice(at, 1);
  return { ...same, kind: "delete", expect: "done" };
}

function boot() {
  instances += 1;
  const instance = {
    instance: `vm-${String(instances).padStart(4, "0")}`,
    tenant: pick(TENANTS),
    backend: pick(["ceph", "lvm"]),
    image: pick(["debian-12", "fedora-41", "ubuntu-24.04"]),
    size: pick(SIZES),
    userDataBytes: random() < 0.9 ? Math.floor(random() * 2_048) : 16_384 + Math.floor(random() * 49_152),
  };
  const dice = random();
  const { size, ...rest } = instance;
  if (dice < 0.04) return { kind: "boot", ...rest, ...size, vcpus: 48, expect: "QuotaExceeded" };
  if (dice < 0.07) return { kind: "boot", ...rest, ...size, tenant: "operations", vcpus: 96, expect: "NoValidHost" };
  if (dice < 0.11) return { kind: "boot", ...rest, ...size, image: "corrupt", expect: "ImageCorrupt" };
  running.push(instance);
  return { kind: "boot", ...rest, ...size, expect: "done" };
}

for (let index = 0; index < REQUESTS; index += 1) {
  const { id, atMs, kind, instance, tenant, backend, image, vcpus, ramMiB, diskGiB, userDataBytes, expect } =
    next(index);
  const request = { id, atMs, kind, instance, tenant, backend, image, vcpus, ramMiB, diskGiB, userDataBytes, expect };
  process.stdout.write(`${JSON.stringify(request)}\n`);
}
