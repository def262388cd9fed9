// Posts to a connection, asks about it, drops it and posts again; prints what the SDK made of each answer as JSON.
import {
  ApiGatewayManagementApiClient,
  DeleteConnectionCommand,
  GetConnectionCommand,
  GoneException,
  PostToConnectionCommand,
} from "@aws-sdk/client-apigatewaymanagementapi";

const [endpoint, ConnectionId] = process.argv.slice(2);
const client = new ApiGatewayManagementApiClient({ endpoint, region: "us-east-1", maxAttempts: 1 });

async function outcome(command) {
  try {
    const { $metadata, ...output } = await client.send(command);
    return { status: $metadata.httpStatusCode, ...output };
  } catch (error) {
    return { status: error.$metadata?.httpStatusCode, error: error.name, gone: error instanceof GoneException };
  }
}

const results = {
  text: await outcome(new PostToConnectionCommand({ ConnectionId, Data: "from JavaScript: жук" })),
  bytes: await outcome(new PostToConnectionCommand({ ConnectionId, Data: new Uint8Array([104, 105]) })),
  state: await outcome(new GetConnectionCommand({ ConnectionId })),
  dropped: await outcome(new DeleteConnectionCommand({ ConnectionId })),
  gone: await outcome(new PostToConnectionCommand({ ConnectionId, Data: "too late" })),
  malformed: await outcome(new GetConnectionCommand({ ConnectionId: "abc" })),
};
console.log(JSON.stringify(results));
