using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// Instructions as they went to models, by their hash (<c>bsp.ai_prompts</c>): kept before the first question, so that every event's hash
/// has its text.
/// </summary>
public sealed class AiPrompts(Shards shards, TimeProvider clock) : IPromptTexts
{
    private const int HashDigits = 16;
    private const int BytesMax = 4 * 1024 * 1024;
    private static readonly TimeSpan Known = TimeSpan.FromMinutes(10);

    private readonly BoundedCache<(Guid Organization, string Hash), string> texts =
        new("ai_prompts", BytesMax, (_, text) => 128 + (2L * text.Length), clock);

    /// <summary>What the texts take.</summary>
    public IBoundedMemory Memory => texts;

    /// <summary>What events call these instructions.</summary>
    public static string HashOf(string text) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)))[..HashDigits];

    /// <summary>Keeps it, unless it is kept; its hash.</summary>
    public async Task<string> KeepAsync(Guid organizationId, string text, CancellationToken ct)
    {
        var hash = HashOf(text);
        if (texts.TryGet((organizationId, hash), out _))
        {
            return hash;
        }

        await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId,
            "INSERT INTO bsp.ai_prompts (organization_id, hash, text) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", _ => 0, ct,
            organizationId, hash, text);
        texts.Put((organizationId, hash), text, Known);
        return hash;
    }

    public async Task<IReadOnlyDictionary<string, string>> OfAsync(Guid organizationId, IReadOnlyCollection<string> hashes,
        CancellationToken ct)
    {
        var found = new Dictionary<string, string>();
        foreach (var hash in hashes)
        {
            if (texts.TryGet((organizationId, hash), out var text))
            {
                found[hash] = text;
            }
        }

        var missing = hashes.Where(h => !found.ContainsKey(h)).ToArray();
        if (missing.Length > 0)
        {
            foreach (var (hash, text) in await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId,
                "SELECT hash, text FROM bsp.ai_prompts WHERE organization_id = $1 AND hash = ANY ($2)",
                r => (r.GetString(0), r.GetString(1)), ct, organizationId, missing))
            {
                found[hash] = text;
                texts.Put((organizationId, hash), text, Known);
            }
        }

        return found;
    }
}
