/** NestJS microservices over its RMQ transport, as its documentation writes it, without the decorator syntax. */
import "reflect-metadata";
import { Controller, Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { ClientProxyFactory, EventPattern, MessagePattern, Transport } from "@nestjs/microservices";
import { firstValueFrom } from "rxjs";

function options(url, name) {
  const socketOptions = { connectionOptions: { noDelay: true } };
  return {
    transport: Transport.RMQ,
    options: { urls: [url], queue: name, queueOptions: { durable: false }, socketOptions },
  };
}

function moduleOf(onCast) {
  class BenchController {
    echo(params) {
      return params;
    }

    note(params) {
      onCast(params);
    }
  }
  class BenchModule {}
  const decorate = (decorator, method) =>
    decorator(BenchController.prototype, method, Object.getOwnPropertyDescriptor(BenchController.prototype, method));
  decorate(MessagePattern("echo"), "echo");
  decorate(EventPattern("note"), "note");
  Controller()(BenchController);
  Module({ controllers: [BenchController] })(BenchModule);
  return BenchModule;
}

export async function serve(url, name, onCast) {
  const app = await NestFactory.createMicroservice(moduleOf(onCast), { ...options(url, name), logger: false });
  await app.listen();
  return { close: () => app.close() };
}

export async function connect(url, name) {
  const client = ClientProxyFactory.create(options(url, name));
  await client.connect();
  return {
    call: (params) => firstValueFrom(client.send("echo", params)),
    cast: (params) => firstValueFrom(client.emit("note", params)),
    close: () => client.close(),
  };
}
