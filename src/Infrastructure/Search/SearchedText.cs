using System.Text.Json;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;

namespace Bsp.Infrastructure.Search;

/// <summary>What of a document is found by its words.</summary>
internal static class SearchedText
{
    private const int StringsMax = 200;

    /// <summary>Of a message: what people read of it, and what was filled into a template; empty: nothing.</summary>
    public static string Of(MessageDocument d)
    {
        string?[] own =
        [
            d.Content?.Text, d.Content?.MediaCaption, d.Content?.Document?.Filename, d.Content?.Location?.Name,
                d.Content?.Location?.Address, d.Interactive?.ButtonReply?.Title,
            d.Interactive?.ListReply?.Title, d.Interactive?.ListReply?.Description,
        ];
        return string.Join('\n', own.Concat(d.Template?.Parameters is { } filled ? Strings(filled).Take(StringsMax) : [])
            .Where(text => !string.IsNullOrEmpty(text)).Distinct());
    }

    /// <summary>Of a conversation: the customer's profile name and number.</summary>
    public static string Of(ConversationContact contact) => $"{contact.Name}\n{contact.PhoneNumber}";

    // Values, not names, of whatever JSON.
    private static IEnumerable<string> Strings(JsonElement json) => json.ValueKind switch
    {
        JsonValueKind.String => [json.GetString()!],
        JsonValueKind.Array => json.EnumerateArray().SelectMany(Strings),
        JsonValueKind.Object => json.EnumerateObject()
        .Where(p => p.Name is not ("type" or "sub_type" or "id" or "link" or "code" or "index")).SelectMany(p => Strings(p.Value)),
        _ => [],
    };
}
