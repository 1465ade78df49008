using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <summary>Deletes notes two years after they were written, as their messages, and mentions after 90 days.</summary>
public sealed class InboxSweep(TimeProvider clock) : ISweep
{
    public string Kind => "notes";

    private const int PageRows = 2_000;
    private const int PagesMax = 200;
    private const int NoteYears = 2;
    private const int MentionDays = 90;

    /// <inheritdoc/>
    public async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var (gone, now) = (0, clock.GetUtcNow());
        for (var page = 0; page < PagesMax; page++)
        {
            await using var command = shard.App.CreateCommand("SELECT bsp.sweep_inbox($1, $2, $3)");
            command.Parameters.Add(new() { Value = now.AddYears(-NoteYears).UtcDateTime });
            command.Parameters.Add(new() { Value = now.AddDays(-MentionDays).UtcDateTime });
            command.Parameters.Add(new() { Value = PageRows });
            var rows = (int)(await command.ExecuteScalarAsync(ct))!;
            gone += rows;
            if (rows < PageRows)
            {
                break;
            }
        }

        return gone;
    }
}
