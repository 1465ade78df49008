using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using Bsp.Application.EventStore;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>One fact as the organization's own systems are told of it.</summary>
/// <param name="Stored">The event behind it; what is told changes only with the public contract.</param>
/// <param name="Key">Deliveries with the same key keep the log's order: conversation, contact, campaign, template, …</param>
/// <param name="AccountId">For filters; null: of no account.</param>
/// <param name="CampaignId">For filters; null: of no campaign.</param>
/// <param name="ContactId">Whose personal data it may hold; null: nobody's.</param>
public sealed record PublicEvent(StoredEvent Stored, string Type, Guid Key, Guid? AccountId, Guid? CampaignId, Guid? ContactId,
    PublicData Data)
{
    /// <summary>The id in bodies, in <c>webhook-id</c> and when pulling: the same whenever and however often it is told.</summary>
    public string Id => IdOf(Stored.Id);

    /// <summary><c>evt_</c> and 32 hex digits.</summary>
    public static string IdOf(Guid eventId) => string.Create(CultureInfo.InvariantCulture, $"evt_{eventId:N}");

    /// <summary>The event's id; null: it is none of ours.</summary>
    public static Guid? TryId(string? text) =>
        text is ['e', 'v', 't', '_', .. var digits] && Guid.TryParseExact(digits, "N", out var id) ? id : null;
}

/// <summary>How public events are written.</summary>
public static class PublicJson
{
    /// <summary>The version of the contract. One so far.</summary>
    public const string Version = "2026-11-01";

    /// <summary>Every version that may be asked for.</summary>
    public static readonly IReadOnlyList<string> Versions = [Version];

    /// <summary>snake_case, times in UTC with milliseconds, what is null is left out.</summary>
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(), new Times() },
    };

    /// <summary>
    /// A body: envelope and data. Thin: of the data the ids alone, so that nothing leaves that is not asked for afterwards.
    /// </summary>
    public static byte[] Body(PublicEvent told, bool thin, int epoch)
    {
        using var stream = new MemoryStream(512);
        using (var json = new Utf8JsonWriter(stream))
        {
            Write(json, told, thin, epoch);
        }

        return stream.ToArray();
    }

    /// <inheritdoc cref="Body"/>
    public static void Write(Utf8JsonWriter json, PublicEvent told, bool thin, int epoch)
    {
        json.WriteStartObject();
        json.WriteString("id", told.Id);
        json.WriteString("type", told.Type);
        json.WriteString("api_version", Version);
        json.WriteString("created_at", Times.Text(told.Stored.Timestamp));
        json.WriteString("organization_id", told.Stored.OrganizationId);
        if (told.Stored.Sequence > 0)
        {
            json.WriteString("position", new Position(epoch, told.Stored.Sequence).ToToken());
        }

        json.WritePropertyName("data");
        if (thin)
        {
            WriteIds(json, told.Data);
        }
        else
        {
            JsonSerializer.Serialize(json, told.Data, told.Data.GetType(), Options);
        }

        json.WriteEndObject();
    }

    private static void WriteIds(Utf8JsonWriter json, PublicData data)
    {
        json.WriteStartObject();
        foreach (var property in Options.GetTypeInfo(data.GetType()).Properties)
        {
            if (property.Get?.Invoke(data) is Guid id)
            {
                json.WriteString(property.Name, id);
            }
        }

        json.WriteEndObject();
    }

    private sealed class Times : JsonConverter<DateTimeOffset>
    {
        public static string Text(DateTimeOffset value) =>
            value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture);

        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
            reader.GetDateTimeOffset();

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
            writer.WriteStringValue(Text(value));
    }
}
