using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.Reconciliations;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>What is gathered about one organization.</summary>
internal sealed class ReconciliationRun(Shard shard, Guid organizationId, DateTimeOffset began, LogStreams streams)
{
    private const int FaultsMax = 1_000;
    private const int DaysShown = 100;

    public Shard Shard => shard;

    public Guid OrganizationId => organizationId;

    public DateTimeOffset Began => began;

    /// <summary>Earlier messages may be archived and gone.</summary>
    public required DateTimeOffset DocumentsFrom { get; init; }

    public LogStreams Streams => streams;

    public Cuts Cuts { get; set; } = new(shard.Epoch, null, null, null, null);

    public IReadOnlyList<Guid> Charging { get; set; } = [];

    public List<ReconciliationRow> Rows { get; } = [];

    public List<(long Order, ReconciliationFault Fault)> Faults { get; } = [];

    public long Packed(long sequence) => new Position(shard.Epoch, sequence).Packed;

    public string Token(long sequence) => new Position(shard.Epoch, sequence).ToToken();

    public void Differs(long order, ReconciliationFault fault)
    {
        Faults.Add((order, fault));
        if (Faults.Count > FaultsMax)
        {
            var kept = Faults.MinBy(f => f.Order);
            Faults.Clear();
            Faults.Add(kept);
        }
    }

    public void Add(string store, string view, StoreDigest found, long? at, DayDigests expected, IReadOnlyList<DateOnly> days) =>
        Rows.Add(Row(store, view, found.Busy ? ReconciliationStatus.Busy : days.Count == 0 ? ReconciliationStatus.Equal
            : ReconciliationStatus.Different, at, expected.Total(), found.Days.Total(),
            [.. days.Take(DaysShown).Select(day => Day(day, expected[day], found.Days[day]))],
            found.Busy ? "Too much of it moved meanwhile to be told apart." : null));

    public ReconciliationRow Row(string store, string view, string status, long? at, DayDigest expected, DayDigest found,
        IReadOnlyList<ReconciliationDay> days, string? detail = null) => new(organizationId, store, view, status,
        at is { } sequence ? Token(sequence) : null, expected.Count, found.Count, expected.Sum, found.Sum, RowHash.Text(expected.Xor),
        RowHash.Text(found.Xor), days, detail);

    private static ReconciliationDay Day(DateOnly day, DayDigest expected, DayDigest found) => new(
        day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), expected.Count, found.Count, expected.States, found.States,
        expected.Sum, found.Sum, RowHash.Text(expected.Xor), RowHash.Text(found.Xor));
}
