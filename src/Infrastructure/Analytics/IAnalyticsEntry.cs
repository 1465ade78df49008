using Bsp.Infrastructure.ClickHouse;

namespace Bsp.Infrastructure.Analytics;

/// <summary>Rows for <c>messages_kafka</c>.</summary>
/// <param name="Json">One JSON object a line.</param>
/// <param name="Rows">Lines.</param>
/// <param name="Keys">Distinct identities among them (organization, time, message, status).</param>
/// <param name="From">The earliest row's time.</param>
/// <param name="To">The latest row's time.</param>
/// <param name="After">Packed place in the log before the first row's event.</param>
public sealed record AnalyticsBatch(ReadOnlyMemory<byte> Json, int Rows, int Keys, IReadOnlyCollection<Guid> Organizations,
    DateTimeOffset From, DateTimeOffset To, long After);

/// <summary>The way by which rows come to <c>messages_kafka</c>.</summary>
public interface IAnalyticsEntry
{
    /// <summary>Returns when the rows can be asked for in <c>message_analytics</c>.</summary>
    /// <param name="token">Names the batch: a repeat of it may be dropped.</param>
    /// <exception cref="Bsp.Application.Common.StoreUnavailable">Try again later; the rows may be in.</exception>
    Task InsertAsync(AnalyticsBatch batch, string token, CancellationToken ct);
}

/// <summary>By HTTP INSERT, the default: the table keeps nothing and hands the rows to its views.</summary>
internal sealed class HttpEntry(ClickHouseClient client) : IAnalyticsEntry
{
    public Task InsertAsync(AnalyticsBatch batch, string token, CancellationToken ct) =>
        client.InsertAsync("messages_kafka", batch.Json, token, ct);
}
