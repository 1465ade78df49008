using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Writes batches one after another on one connection and answers every call of them, whatever happens.</summary>
internal sealed class Lane(Shard shard, EventStoreSettings settings, InlineViews views, TimeProvider clock) : IAsyncDisposable
{
    private const int RepeatsMax = 10;
    private const int LossesMax = 5;
    private static readonly TimeSpan ReopenDelay = TimeSpan.FromMilliseconds(50);

    private readonly int number = Random.Shared.Next(1, int.MaxValue);
    private LaneConnection? connection;

    /// <summary>Answers every call of the batch; never throws. True when something was written.</summary>
    public async Task<bool> WriteAsync(List<AppendCall> batch)
    {
        var open = batch;
        var written = false;
        for (var losses = 0; open.Count > 0; losses++)
        {
            var sent = false;
            try
            {
                var writer = connection ??= await LaneConnection.OpenAsync(shard, number, settings, CancellationToken.None);
                sent = true;
                written |= await WriteAsync(writer, open);
                break;
            }
            catch (Exception lost) when (lost is not PostgresException { } refused || Unreachable.Ended(refused) || !sent)
            {
                await CloseAsync();
                if (!sent)
                {
                    Fail(open, outcomeUnknown: losses > 0, lost);
                    break;
                }

                (open, var found) = await RecheckAsync(open, lost);
                written |= found;
                if (losses == LossesMax)
                {
                    Fail(open, outcomeUnknown: false, lost);
                    break;
                }
            }
        }

        return written;
    }

    public ValueTask DisposeAsync() => CloseAsync();

    // A batch that the server refuses is repeated when another writer was faster, else each of its calls is written alone, so that only the
    // guilty one fails.
    private async Task<bool> WriteAsync(LaneConnection writer, List<AppendCall> calls)
    {
        for (var repeat = 1; ; repeat++)
        {
            try
            {
                return await WriteOnceAsync(writer, calls, judged: repeat > 1);
            }
            catch (Exception error)
                when (error is PostgresException refused ? !Unreachable.Ended(refused)
                    : error is not NpgsqlException and not IOException and not TimeoutException)
            {
                await writer.RollbackAsync();
                if (repeat < RepeatsMax && error is PostgresException { } other && Raced(other))
                {
                    continue;
                }

                if (calls.Count == 1)
                {
                    // A full disk, an organization on its way: nothing was written, and it says nothing about the call.
                    calls[0].Fail(error is PostgresException passing && StoreTrouble.Of(passing) == TroubleKind.Passing
                        ? new StoreUnavailable("postgres", passing) : error);
                    return false;
                }

                break;
            }
        }

        var written = false;
        foreach (var call in calls)
        {
            if (!call.Outcome.IsCompleted)
            {
                written |= await WriteAsync(writer, [call]);
            }
        }

        return written;
    }

    private async Task<bool> WriteOnceAsync(LaneConnection writer, List<AppendCall> calls, bool judged)
    {
        var timestamp = Microseconds(clock.GetUtcNow().UtcDateTime);
        var result = views.Want(calls) ? await writer.AppendAsync(calls, timestamp, judged, views)
            : await writer.AppendAsync(calls, timestamp, judged);
        var outcomes = result.Outcomes();
        for (var c = 0; c < outcomes.Length; c++)
        {
            calls[c].Complete(outcomes[c]);
        }

        return result.AnyWritten;
    }

    // The connection went away with calls on it: look for their events before anybody is told anything. Returns the calls that were not
    // written.
    private async Task<(List<AppendCall> Open, bool AnyFound)> RecheckAsync(List<AppendCall> calls, Exception lost)
    {
        calls = [.. calls.Where(call => !call.Outcome.IsCompleted)];
        using var deadline = new CancellationTokenSource(settings.RecheckMax, clock);
        while (true)
        {
            try
            {
                connection ??= await LaneConnection.OpenAsync(shard, number, settings, deadline.Token);
                var outcomes = await connection.FindAsync(calls);
                for (var c = 0; c < outcomes.Length; c++)
                {
                    if (outcomes[c] is { } outcome)
                    {
                        calls[c].Complete(outcome);
                    }
                }

                return ([.. calls.Where(call => !call.Outcome.IsCompleted)], outcomes.Any(outcome => outcome is not null));
            }
            catch (Exception)
            {
                await CloseAsync();
                if (deadline.IsCancellationRequested)
                {
                    Fail(calls, outcomeUnknown: true, lost);
                    return ([], false);
                }

                await Task.Delay(ReopenDelay, clock);
            }
        }
    }

    private static void Fail(IEnumerable<AppendCall> calls, bool outcomeUnknown, Exception error)
    {
        foreach (var call in calls)
        {
            call.Fail(new StoreUnavailable("postgres", error, outcomeUnknown));
        }
    }

    private async ValueTask CloseAsync()
    {
        if (connection is { } closing)
        {
            connection = null;
            try
            {
                await closing.DisposeAsync();
            }
            catch (Exception broken) when (broken is NpgsqlException or IOException or InvalidOperationException or TimeoutException)
            {
                // It is gone; that is why it is closed.
            }
        }
    }

    public static bool Raced(PostgresException error) =>
        error.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.DeadlockDetected
        || (error.SqlState == PostgresErrorCodes.UniqueViolation && error.TableName is "mt_events" or "mt_streams");

    // What timestamptz keeps, so that an inline view sees the stored time.
    private static DateTime Microseconds(DateTime time) => new(time.Ticks - (time.Ticks % TimeSpan.TicksPerMicrosecond), DateTimeKind.Utc);
}
