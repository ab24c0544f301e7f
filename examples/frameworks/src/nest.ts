import "reflect-metadata";
import { createParamDecorator, Module } from "@nestjs/common";
import type { ExecutionContext } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { WsAdapter } from "@nestjs/platform-ws";
import { MessageBody, SubscribeMessage, WebSocketGateway } from "@nestjs/websockets";
import { bindSessions } from "@wsession/adapter-ws";
import type { Session } from "@wsession/core";
import { limitClose, sessionsOfUsers } from "./started.ts";
import type { Started, Visitor } from "./started.ts";

const sessions = sessionsOfUsers();

/** The session of the message's socket, as a parameter of a handler. */
const CurrentSession = createParamDecorator(
  (_: unknown, context: ExecutionContext) => sessions.of(context.switchToWs().getClient<object>())?.session,
);

/** NestJS makes its servers with its own copy of ws, which bindSessions takes. */
class SessionAdapter extends WsAdapter {
  override create(port: number, options?: Parameters<WsAdapter["create"]>[1]) {
    const server = super.create(port, options);
    bindSessions(server, sessions, {}, { listeners: "gated" });
    return server;
  }
}

@WebSocketGateway({ path: "/socket" })
class ClickGateway {
  @SubscribeMessage("click")
  async click(@CurrentSession() session: Session<Visitor>, @MessageBody() by: number): Promise<object> {
    const { user, clicks } = await session.update((data) => ({ ...data, clicks: data.clicks + by }));
    return { event: "clicked", data: `${user}: ${clicks}` };
  }
}

@Module({ providers: [ClickGateway] })
class AppModule {}

export async function start(): Promise<Started> {
  const app = await NestFactory.create(AppModule, { logger: ["error"] });
  app.useWebSocketAdapter(new SessionAdapter(app));
  await app.listen(0, "127.0.0.1");
  const server = app.getHttpServer();
  const close = async () => {
    await sessions.close();
    limitClose(server);
    await app.close();
  };
  return { port: server.address().port, close };
}
