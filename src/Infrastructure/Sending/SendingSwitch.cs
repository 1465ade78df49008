using Bsp.Application.Common;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Sending;

/// <summary>
/// The switch as this process knows it: looked at every second, closed until the first look. A process that is started with
/// <c>Bsp:Sending:Enabled=false</c> holds it for all of them: after a restore nothing may leave before somebody has looked around.
/// </summary>
public sealed partial class SendingSwitch(Shards shards, BspOptions options, TimeProvider clock, ILogger<SendingSwitch> log)
    : BackgroundService, ISendingSwitch
{
    /// <summary>Said where a process was started without sending.</summary>
    public const string StartedWithout = "a process was started with Bsp:Sending:Enabled=false";

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private const string Put = """
        INSERT INTO bsp.sending_switch (held, reason, changed_at) VALUES ($1, $2, $3)
        ON CONFLICT (one) DO UPDATE SET held = excluded.held, reason = excluded.reason,
          changed_at = CASE WHEN sending_switch.held = excluded.held THEN sending_switch.changed_at ELSE excluded.changed_at END
        RETURNING held, reason, changed_at
        """;

    private readonly Lock deciding = new();
    private int decided; // by this process; what was looked at before that is old
    private volatile bool open;
    private bool held = !options.SendingEnabled; // what the start asks for, until it is written down

    /// <summary>Something may leave. Also while the directory is away, when it was so at the last look.</summary>
    public bool IsOpen => open;

    public async Task<SendingState> ReadAsync(CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("SELECT held, reason, changed_at FROM bsp.sending_switch");
        return await OneAsync(command, ct);
    }

    public async Task<SendingState> SetAsync(bool held, string? reason, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand(Put);
        command.Parameters.Add(new() { Value = held });
        command.Parameters.Add(new() { Value = (object?)reason ?? DBNull.Value, NpgsqlDbType = NpgsqlDbType.Text });
        command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
        var state = await OneAsync(command, ct);
        lock (deciding)
        {
            decided++;
            Now(!state.Held);
        }

        return state;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Sending);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (held)
                {
                    await SetAsync(held: true, StartedWithout, stoppingToken);
                    held = false;
                }

                await LookAsync(stoppingToken);
                Loop.Worked();
            }
            catch (Exception away) when (StoreTrouble.Is(away) && !stoppingToken.IsCancellationRequested)
            {
                Loop.Failed(away);
            }

            await Task.Delay(LookEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    // What this process decides while it looks counts, not what it saw before.
    private async Task LookAsync(CancellationToken ct)
    {
        int before;
        lock (deciding)
        {
            before = decided;
        }

        var state = await ReadAsync(ct);
        lock (deciding)
        {
            if (decided == before)
            {
                Now(!state.Held);
            }
        }
    }

    private void Now(bool may)
    {
        if (open != may)
        {
            open = may;
            LogChanged(may ? LogLevel.Information : LogLevel.Warning, may ? "on" : "off");
        }
    }

    private static async Task<SendingState> OneAsync(NpgsqlCommand command, CancellationToken ct)
    {
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? new(reader.GetBoolean(0), reader.TextOrNull(1), reader.GetFieldValue<DateTimeOffset>(2)) : new(false, null, null);
    }

    [LoggerMessage(Message = "sending is {State} from here on")]
    private partial void LogChanged(LogLevel level, string state);
}
