using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Domain.Common;

namespace Bsp.Domain.Ledger;

/// <summary>
/// Money in a stored fact: a string in exactly the form that is hashed. Another spelling of the same number (<c>1e2</c>, <c>100</c>) is not
/// read: it was not written by us, and the
/// hash would not show it.
/// </summary>
public sealed class MoneyJson : JsonConverter<decimal>
{
    public override decimal Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && Money.TryParseSigned(reader.GetString(), out var amount)
            && reader.ValueTextEquals(Money.Text(amount))
            ? amount : throw new JsonException("An amount of the ledger is a string such as 12.340000.");

    public override void Write(Utf8JsonWriter writer, decimal value, JsonSerializerOptions options) =>
        writer.WriteStringValue(Money.Text(value));
}

/// <summary>Recorded time in a stored fact: UTC, milliseconds, exactly the form that is hashed.</summary>
public sealed class InstantJson : JsonConverter<DateTimeOffset>
{
    public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String
        && DateTimeOffset.TryParseExact(reader.GetString(), LedgerTime.Format, CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var at)
            ? at : throw new JsonException("A time of the ledger is a string such as 2026-10-01T09:00:00.120Z.");

    public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) =>
        writer.WriteStringValue(LedgerTime.Text(value));
}

/// <summary>Times and months of the ledger: UTC, cut to milliseconds before anything is hashed or compared.</summary>
public static class LedgerTime
{
    internal const string Format = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'";

    /// <summary>UTC, cut to the millisecond.</summary>
    public static DateTimeOffset Cut(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);

    /// <summary><c>2026-10-01T09:00:00.120Z</c></summary>
    public static string Text(DateTimeOffset at) => Cut(at).ToString(Format, CultureInfo.InvariantCulture);

    /// <summary>The calendar month, UTC: <c>2026-10</c>.</summary>
    public static string Month(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM", CultureInfo.InvariantCulture);

    /// <summary>A month's first moment.</summary>
    /// <param name="month"><c>yyyy-mm</c></param>
    /// <exception cref="FormatException">It is no month.</exception>
    public static DateTimeOffset Start(string month) =>
        DateTimeOffset.ParseExact(month, "yyyy-MM", CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);

    /// <summary>The month after.</summary>
    public static string Next(string month) => Month(Start(month).AddMonths(1));
}
