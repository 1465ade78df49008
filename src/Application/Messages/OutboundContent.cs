using System.Text.Json.Nodes;
using Bsp.Application.Contacts;
using Bsp.Domain.Messages;

namespace Bsp.Application.Messages;

/// <summary>The Graph body of a message as it is kept: without <c>messaging_product</c> and <c>biz_opaque_callback_data</c>.</summary>
internal static class OutboundContent
{
    /// <summary>Without its recipient.</summary>
    /// <param name="template">In the language that was found; null: it is none.</param>
    public static JsonObject Of(SendMessage command, TemplateUse? template)
    {
        var own = JsonNode.Parse(command.Body.GetRawText())!;
        if (template is not null)
        {
            own["language"] = new JsonObject { ["code"] = template.Language }; // how it was chosen is none of Meta's business
        }

        var content = new JsonObject { ["type"] = command.Type, [command.Type] = own };
        if (command.Context is { } context)
        {
            content["context"] = new JsonObject { ["message_id"] = context };
        }

        return content;
    }

    /// <summary>As JSON, to somebody.</summary>
    public static string To(JsonObject content, ContactIdentity recipient)
    {
        var addressed = new JsonObject
        {
            [recipient.PhoneNumber is null ? "recipient" : "to"] = recipient.PhoneNumber ?? recipient.WaUserId,
        };
        foreach (var (name, value) in content)
        {
            addressed[name] = value?.DeepClone();
        }

        return addressed.ToJsonString();
    }
}
