/** The drivers that the programs of this folder know. */
import { driver as rabbit } from "@trunkline/rabbit";
import { driver as zmq } from "@trunkline/zmq";

export const drivers = [zmq, rabbit];
