using System.Text.Json.Nodes;
using Bsp.Application.CustomerWebhooks;
using Microsoft.OpenApi;

namespace Bsp.Api.Common;

/// <summary>The <c>webhooks</c> section of the document: what endpoints are told, by type, with the schema of its body.</summary>
internal static class DocumentationWebhooks
{
    public static void AddTo(OpenApiDocument document)
    {
        document.Webhooks ??= new Dictionary<string, IOpenApiPathItem>();
        foreach (var type in PublicEvents.All.Append(PublicEvents.Test))
        {
            document.Webhooks[type.Name] =
                new OpenApiPathItem { Operations = new Dictionary<HttpMethod, OpenApiOperation> { [HttpMethod.Post] = Operation(type) } };
        }
    }

    private static OpenApiOperation Operation(PublicType type) => new()
    {
        OperationId = $"on{string.Concat(type.Name.Split('.', '_').Select(part => char.ToUpperInvariant(part[0]) + part[1..]))}",
        Summary = type.Meaning,
        Security = [], // the receiver's own affair: it checks the signature
        Parameters =
        [
            Header(StandardWebhooks.IdHeader, "The event's id: the same at every attempt."),
            Header(StandardWebhooks.TimestampHeader, "Unix time of this attempt, in seconds: refuse what is older than five minutes."),
            Header(StandardWebhooks.SignatureHeader,
                "v1, and base64 of HMAC-SHA256 over id.timestamp.body; several with blanks between while a secret is being rotated."),
        ],
        RequestBody =
        new OpenApiRequestBody { Required = true,
            Content = new Dictionary<string, OpenApiMediaType> { ["application/json"] =
                new() { Schema = Schema(PublicSchemas.Of(type)) } } },
        Responses = new OpenApiResponses { ["2XX"] =
            new OpenApiResponse { Description = "Taken. Anything else is tried again; 410 switches the endpoint off." } },
    };

    private static OpenApiParameter Header(string name, string description) =>
        new() { Name = name, In = ParameterLocation.Header, Required = true, Description = description,
            Schema = new OpenApiSchema { Type = JsonSchemaType.String } };

    private static OpenApiSchema Schema(JsonObject schema)
    {
        var shown = Plain(schema);
        if (schema["const"]?.GetValue<string>() is { } constant)
        {
            shown.Const = constant; // set to null, it is written as null
        }

        return shown;
    }

    private static OpenApiSchema Plain(JsonObject schema) => new()
    {
        Title = schema["title"]?.GetValue<string>(),
        Description = schema["description"]?.GetValue<string>(),
        Type = schema["type"]?.GetValue<string>() switch
        {
            "string" => JsonSchemaType.String,
            "integer" => JsonSchemaType.Integer,
            "boolean" => JsonSchemaType.Boolean,
            "array" => JsonSchemaType.Array,
            "number" => JsonSchemaType.Number,
            _ => JsonSchemaType.Object,
        },
        Format = schema["format"]?.GetValue<string>(),
        Pattern = schema["pattern"]?.GetValue<string>(),
        Required = schema["required"] is JsonArray required ? required.Select(name => name!.GetValue<string>()).ToHashSet() : null,
        Properties = schema["properties"] is JsonObject properties
        ? properties.ToDictionary(p => p.Key, p => (IOpenApiSchema)Schema(p.Value as JsonObject ?? [])) : null,
        Items = schema["items"] is JsonObject items ? Schema(items) : null,
    };
}
