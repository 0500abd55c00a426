#!/usr/bin/env python3
"""Emits notifications as nova, neutron and cinder do, with Python's oslo.messaging: servers are made, used and deleted.

    python3 emit.py [--url URL] [--rate PER_SECOND] [--count N]
"""
import argparse
import collections
import json
import random
import sys
import time
import uuid

import oslo_messaging
from oslo_config import cfg

# What happens to one server of a tenant, in order: who says it, what, and with which priority.
LIFE = [
    ("scheduler.ctl1", "scheduler.select_destinations.start", "info"),
    ("scheduler.ctl1", "scheduler.select_destinations.end", "info"),
    ("compute.{host}", "compute.instance.create.start", "info"),
    ("network.ctl1", "port.create.start", "info"),
    ("network.ctl1", "port.create.end", "info"),
    ("volume.{host}@ceph", "volume.create.start", "info"),
    ("volume.{host}@ceph", "volume.create.end", "info"),
    ("volume.{host}@ceph", "volume.attach.end", "info"),
    ("compute.{host}", "compute.instance.create.end", "info"),
    ("compute.{host}", "compute.instance.exists", "audit"),
    ("compute.{host}", "compute.instance.delete.start", "info"),
    ("network.ctl1", "port.delete.end", "info"),
    ("volume.{host}@ceph", "volume.delete.end", "info"),
    ("compute.{host}", "compute.instance.delete.end", "info"),
]
# One of so many servers comes to nothing.
FAILS_ONE_IN = 8
FAILURE = [
    *LIFE[:3],
    ("compute.{host}", "compute.instance.create.error", "error"),
    ("scheduler.ctl1", "compute_task.build_instances", "warn"),
]
# So many servers are under way at once.
SERVERS = 12


def one_life(chance):
    """The events of one server, as (publisher, event type, priority, payload)."""
    host = f"host{chance.randint(1, 6)}"
    server = str(uuid.UUID(int=chance.getrandbits(128), version=4))
    facts = {"instance_id": server, "tenant_id": f"tenant{chance.randint(1, 9)}", "host": host}
    size = {"memory_mb": 512 * 2 ** chance.randint(0, 5), "vcpus": chance.randint(1, 8)}
    for publisher, event_type, priority in FAILURE if chance.randrange(FAILS_ONE_IN) == 0 else LIFE:
        yield publisher.format(host=host), event_type, priority, {**facts, **size}


def stream(chance):
    """Events without end: those of one server in order, those of many mixed."""
    lives = [one_life(chance) for _ in range(SERVERS)]
    while True:
        at = chance.randrange(SERVERS)
        event = next(lives[at], None)
        if event is None:
            lives[at] = one_life(chance)
        else:
            yield event


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--url", default="rabbit://guest:guest@localhost", help="default %(default)s")
    parser.add_argument("--rate", type=float, default=20, help="events per second; 0: as fast as it goes; default %(default)s")
    parser.add_argument("--count", type=int, help="end after so many; default: when Ctrl-C is pressed")
    parser.add_argument("--topic", default="notifications", help="default %(default)s")
    parser.add_argument("--exchange", default="openstack", help="the services' control_exchange; default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="the same seed gives the same events; default %(default)s")
    return parser.parse_args()


def main():
    asked = read_arguments()
    oslo_messaging.set_transport_defaults(control_exchange=asked.exchange)
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[])
    # The URL of the listener will do as well.
    url = asked.url.replace("rabbit+oslo://", "rabbit://", 1)
    transport = oslo_messaging.get_notification_transport(conf, url=url)
    notifier = oslo_messaging.Notifier(transport, driver="messagingv2", topics=[asked.topic])
    counts = collections.Counter()
    chance = random.Random(asked.seed)
    began_at = time.monotonic()
    try:
        for publisher, event_type, priority, payload in stream(chance):
            if counts.total() == asked.count:
                break
            context = {"request_id": f"req-{payload['instance_id']}", "project_id": payload["tenant_id"]}
            getattr(notifier.prepare(publisher_id=publisher), priority)(context, event_type, payload)
            counts[event_type] += 1
            if asked.rate > 0:
                time.sleep(max(0, began_at + counts.total() / asked.rate - time.monotonic()))
    except KeyboardInterrupt:
        print(file=sys.stderr)
    transport.cleanup()
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
