// Builds an API, walks its routes page by page, tags it and deletes it; prints what the SDK made of the answers as JSON.
import * as v2 from "@aws-sdk/client-apigatewayv2";

const [endpoint, sessionToken] = process.argv.slice(2);
const credentials = {
  accessKeyId: process.env.AWS_ACCESS_KEY_ID,
  secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
  sessionToken,
};
const client = new v2.ApiGatewayV2Client({ endpoint, region: "eu-north-1", maxAttempts: 1, credentials });

async function call(name, input = {}) {
  return client.send(new v2[`${name}Command`](input));
}

async function refusal(name, input) {
  try {
    await call(name, input);
  } catch (error) {
    return { error: error.name, status: error.$metadata.httpStatusCode, message: error.message };
  }
}

const RouteSelectionExpression = "$request.body.action";
const api = await call("CreateApi", { Name: "жук", ProtocolType: "WEBSOCKET", RouteSelectionExpression });
const { ApiId } = api;
const keys = ["$connect", "$default", "room/join"];
for (const RouteKey of keys) {
  await call("CreateRoute", { ApiId, RouteKey });
}
const pages = [];
let NextToken;
do {
  const page = await call("GetRoutes", { ApiId, MaxResults: "2", NextToken });
  pages.push(page.Items.map((route) => route.RouteKey));
  NextToken = page.NextToken;
} while (NextToken);

const RouteSettings = Object.fromEntries(keys.map((key) => [key, { ThrottlingRateLimit: 2.5 }]));
const stage = await call("CreateStage", { ApiId, StageName: "prod", RouteSettings });
for (const RouteKey of keys) {
  await call("DeleteRouteSettings", { ApiId, StageName: "prod", RouteKey });
}
const ResourceArn = `arn:aws:apigateway:eu-north-1::/apis/${ApiId}/stages/prod`;
await call("TagResource", { ResourceArn, Tags: { "a b/c": "ä", d: "" } });
await call("UntagResource", { ResourceArn, TagKeys: ["d"] });

console.log(
  JSON.stringify({
    name: (await call("GetApi", { ApiId })).Name,
    created: stage.CreatedDate instanceof Date,
    pages,
    settings: (await call("GetStage", { ApiId, StageName: "prod" })).RouteSettings,
    tags: (await call("GetTags", { ResourceArn })).Tags,
    deleted: (await call("DeleteApi", { ApiId })).$metadata.httpStatusCode,
    missing: await refusal("GetApi", { ApiId: "nope" }),
    invalid: await refusal("CreateApi", { Name: "x", ProtocolType: "HTTP" }),
  }),
);
