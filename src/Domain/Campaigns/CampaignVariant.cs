using System.Buffers.Binary;
using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Campaigns;

/// <summary>One of several templates that a campaign tries, each on its share of the audience.</summary>
/// <param name="Share">Of the sum of all shares, 1–1,000.</param>
/// <param name="TemplateParameters">Fill this template; null: the campaign's do.</param>
public sealed record CampaignVariant(Guid TemplateId, int Share, JsonElement? TemplateParameters = null)
{
    /// <summary>Variants of one campaign, at least and at most.</summary>
    public const int CountMin = 2;

    /// <inheritdoc cref="CountMin"/>
    public const int CountMax = 10;

    /// <summary>Largest share.</summary>
    public const int ShareMax = 1_000;

    /// <summary>
    /// Which of them a member gets: the same one whenever it is asked. It follows from both ids, so that it is fixed with the audience, and
    /// who they are says nothing of it.
    /// </summary>
    public static int Of(IReadOnlyList<int> shares, Guid campaignId, Guid contactId)
    {
        Span<byte> drawn = stackalloc byte[16];
        Uuid.Of($"variant/{campaignId}/{contactId}").TryWriteBytes(drawn);
        var place = (long)(BinaryPrimitives.ReadUInt64LittleEndian(drawn[8..]) % 1_000_003 * (ulong)shares.Sum() / 1_000_003);
        for (var i = 0; i < shares.Count; i++)
        {
            place -= shares[i];
            if (place < 0)
            {
                return i;
            }
        }

        return shares.Count - 1;
    }
}
