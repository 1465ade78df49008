using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bsp.Application.Common;

/// <summary>JSON merge patch, RFC 7396.</summary>
public static class MergePatch
{
    /// <summary>The document after the patch: objects merge, null removes, everything else replaces.</summary>
    public static JsonElement Apply(JsonElement target, JsonElement patch) =>
        JsonSerializer.SerializeToElement(Merge(JsonSerializer.SerializeToNode(target), patch));

    private static JsonNode? Merge(JsonNode? target, JsonElement patch)
    {
        if (patch.ValueKind != JsonValueKind.Object)
        {
            return JsonSerializer.SerializeToNode(patch);
        }

        var merged = target as JsonObject ?? [];
        foreach (var field in patch.EnumerateObject())
        {
            if (field.Value.ValueKind == JsonValueKind.Null)
            {
                merged.Remove(field.Name);
                continue;
            }

            merged.TryGetPropertyValue(field.Name, out var before);
            var after = Merge(before, field.Value);
            if (!ReferenceEquals(before, after))
            {
                merged[field.Name] = after;
            }
        }

        return merged;
    }
}
