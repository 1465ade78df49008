using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>
/// JSON schemas of the public events, as docs/webhooks and /openapi/v1.json show them. Receivers must take fields that they do not know:
/// some are added without another version.
/// </summary>
public static class PublicSchemas
{
    /// <summary>Of a full body of this type (draft 2020-12). A thin one has of <c>data</c> the ids alone.</summary>
    public static JsonObject Of(PublicType type) => new()
    {
        ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
        ["title"] = type.Name,
        ["description"] = type.Meaning,
        ["type"] = "object",
        ["required"] = new JsonArray("id", "type", "api_version", "created_at", "organization_id", "data"),
        ["properties"] = new JsonObject
        {
            ["id"] = Text("The same whenever and however often it is told, and in webhook-id.", pattern: "^evt_[0-9a-f]{32}$"),
            ["type"] = new JsonObject { ["type"] = "string", ["const"] = type.Name },
            ["api_version"] = new JsonObject { ["type"] = "string", ["const"] = PublicJson.Version },
            ["created_at"] = Text("When it was recorded.", format: "date-time"),
            ["organization_id"] = Text("Whose it is.", format: "uuid"),
            ["position"] = Text("Its place in the log: GET /v1/events?form=public&after= goes on behind it. Absent in tests."),
            ["data"] = Data(type.Data),
        },
    };

    private static JsonObject Text(string description, string? format = null, string? pattern = null)
    {
        var text = new JsonObject { ["type"] = "string", ["description"] = description };
        if (format is not null)
        {
            text["format"] = format;
        }

        if (pattern is not null)
        {
            text["pattern"] = pattern;
        }

        return text;
    }

    private static JsonNode Data(Type data)
    {
        PublicJson.Options.MakeReadOnly(populateMissingResolver: true);
        return PublicJson.Options.GetJsonSchemaAsNode(data, new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Plain });
    }

    // Nulls are not written: what may be null may be absent, and is not null when it is there.
    private static JsonNode Plain(JsonSchemaExporterContext context, JsonNode schema)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (type == typeof(DateTimeOffset))
        {
            return new JsonObject { ["type"] = "string", ["format"] = "date-time" };
        }

        if (type == typeof(Guid))
        {
            return new JsonObject { ["type"] = "string", ["format"] = "uuid" };
        }

        if (type == typeof(JsonElement))
        {
            return new JsonObject { ["type"] = "object" };
        }

        if (schema is not JsonObject node)
        {
            return schema;
        }

        if (node["type"] is JsonArray types)
        {
            node["type"] = types.Select(t => t!.GetValue<string>()).First(t => t != "null");
        }

        if (node["required"] is JsonArray required)
        {
            var always = context.TypeInfo.Properties.Where(p => !p.IsGetNullable).Select(p => p.Name).ToHashSet();
            node["required"] =
                new JsonArray([.. required.Select(n => n!.GetValue<string>()).Where(always.Contains).Select(n => JsonValue.Create(n))]);
        }

        return node;
    }
}
