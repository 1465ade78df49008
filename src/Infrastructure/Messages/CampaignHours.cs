using System.Globalization;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;

namespace Bsp.Infrastructure.Messages;

/// <summary>When a launched campaign may send: <c>campaigns.hours</c>.</summary>
/// <param name="Otherwise">Zone of whom nobody knows: the organization's at the launch.</param>
internal sealed record CampaignHours(string? QuietFrom, string? QuietTo, IReadOnlyList<string>? Days, string? Zone, string? ZoneField,
    string? Otherwise)
{
    private SendingHours Hours => field ??= new(QuietFrom, QuietTo, Days, Zone, ZoneField);

    /// <summary>Custom field of contacts that names their zone.</summary>
    public string Field => ZoneField ?? SendingHours.StandardField;

    /// <summary>Each recipient has a zone of their own.</summary>
    public bool ByRecipient => Zone is null or SendingHours.Recipient;

    /// <summary>The zone of all, or of whom nobody knows.</summary>
    public TimeZoneInfo Common => RecipientZones.Find(ByRecipient || Zone == SendingHours.Organization ? Otherwise : Zone)
        ?? TimeZoneInfo.Utc;

    /// <summary>As the row holds it; null: at any time.</summary>
    public static CampaignHours? Of(JsonElement? stored) => stored?.Deserialize<CampaignHours>(EventTypes.Json);

    /// <summary>A recipient's zone.</summary>
    /// <param name="said">What their contact's field says; null: nothing.</param>
    public TimeZoneInfo ZoneOf(string? said, string? phone, string? userId) =>
        ByRecipient ? RecipientZones.Of(said, phone, userId, Common) : Common;

    /// <summary>The first moment from which on something may be sent there.</summary>
    public DateTimeOffset OpensAt(DateTimeOffset from, TimeZoneInfo zone) => Hours.OpensAt(from, zone);

    /// <summary>When a clock there shows it.</summary>
    public static DateTimeOffset DueAt(string localTime, TimeZoneInfo zone) =>
        LocalTimes.InstantOf(DateTime.ParseExact(localTime, "yyyy-MM-dd'T'HH:mm", CultureInfo.InvariantCulture), zone);
}
