using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Messages;

/// <summary>Why nothing is sent.</summary>
public sealed record HeldSending(DateTimeOffset Since, string Reason);

/// <summary>
/// Whether anything may be sent to Meta at all. It may not while the directory has a row that says so (a restored database begins with
/// one), nor in a process started with <c>Bsp:Sending:Enabled=false</c>. Every process looks once a second; what is in hand then is
/// ended. Campaigns can be cancelled and messages taken back meanwhile. Decision: docs/decisions/0268.
/// </summary>
public sealed partial class SendingHold : IDisposable
{
    private const int ReasonMax = 250; // characters: four bytes each fit the column
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SayEvery = TimeSpan.FromMinutes(1);

    private readonly Shards shards;
    private readonly bool enabled;
    private readonly TimeProvider clock;
    private readonly ILogger<SendingHold> log;
    private readonly Meter meter = new("Bsp.Sending");
    private (long At, HeldSending? Held)? known;
    private long? said;

    public SendingHold(Shards shards, bool enabled, TimeProvider clock, ILogger<SendingHold> log)
    {
        (this.shards, this.enabled, this.clock, this.log) = (shards, enabled, clock, log);
        meter.CreateObservableGauge("bsp.sending.held", () => enabled && known is { Held: null } ? 0 : 1,
            description: "1: nothing is sent by this process until a person says so.");
    }

    /// <summary>As it was within the last second. A directory that is away changes nothing; before it was ever asked, it is waited
    /// for.</summary>
    /// <exception cref="NpgsqlException">It was never asked, and cannot be.</exception>
    public async ValueTask<bool> IsHeldAsync(CancellationToken ct)
    {
        if (!enabled)
        {
            Say("Bsp:Sending:Enabled is false");
            return true;
        }

        if (known is not { } last || clock.GetElapsedTime(last.At) >= LookEvery)
        {
            try
            {
                known = (clock.GetTimestamp(), await FindAsync(shards, ct));
            }
            catch (NpgsqlException) when (known is { } before)
            {
                known = (clock.GetTimestamp(), before.Held);
            }
        }

        if (known is { Held: { } held })
        {
            Say($"{held.Reason} (since {held.Since:yyyy-MM-dd HH:mm} UTC)");
        }

        return known is { Held: not null };
    }

    /// <summary>Null: sending goes on.</summary>
    public static async Task<HeldSending?> FindAsync(Shards shards, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT since, reason FROM bsp.sending_hold");
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new(reader.GetFieldValue<DateTimeOffset>(0), reader.GetString(1)) : null;
    }

    /// <summary>Stops sending in every process within two seconds. It is held already: nothing changes.</summary>
    public static async Task HoldAsync(Shards shards, string reason, DateTimeOffset now, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand(
            "INSERT INTO bsp.sending_hold (since, reason) VALUES ($1, $2) ON CONFLICT DO NOTHING");
        command.Parameters.Add(new() { Value = now.UtcDateTime });
        command.Parameters.Add(new() { Value = Domain.Common.Text.Cut(reason, ReasonMax) });
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Sending goes on within two seconds. False: it was not held.</summary>
    public static async Task<bool> ResumeAsync(Shards shards, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("DELETE FROM bsp.sending_hold");
        return await command.ExecuteNonQueryAsync(ct) > 0;
    }

    public void Dispose() => meter.Dispose();

    private void Say(string why)
    {
        if (said is not { } last || clock.GetElapsedTime(last) >= SayEvery)
        {
            said = clock.GetTimestamp();
            LogHeld(why);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "nothing is sent: {Why}. './run sending resume' goes on.")]
    private partial void LogHeld(string why);
}
