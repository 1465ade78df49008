using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Meta;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Conversations;

/// <summary>There is a mark to be told to Meta.</summary>
public sealed class ReadMarkSignal : WorkSignal;

/// <inheritdoc cref="IConversationMarks"/>
public sealed class ConversationMarks(SendingNumbers numbers, IMeta meta, ReadMarkSignal signal) : IConversationMarks
{
    public async Task TypingAsync(Guid organizationId, Guid accountId, string wamid, CancellationToken ct)
    {
        var number = await numbers.FindAsync(organizationId, accountId, ct) is { MaySend: true } found ? found
            : throw new Refusal("message.account_not_connected", "The account is not connected: connect it first.");
        await meta.MarkReadAsync(number.Meta, wamid, typing: true, ct);
    }

    public void Wake() => signal.Raise();
}

/// <summary>
/// Tells Meta up to which message a person has read, what <c>bsp.read_marks</c> holds: a mark is deleted when Meta has it or refuses it for
/// good. A process that is killed in between tells it once more, which changes nothing at
/// Meta.
/// </summary>
public sealed partial class ReadMarkWorker(Shards shards, SendingNumbers numbers, IMeta meta, ReadMarkSignal signal, TimeProvider clock,
    ILogger<ReadMarkWorker> log) : BackgroundService
{
    private const int AtOnce = 50;
    private const int AttemptsMax = 8;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    while (await RoundAsync(shard, stoppingToken) == AtOnce)
                    {
                    }

                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (StoreTrouble.Is(e) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await signal.WaitAsync(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Tells the marks of a shard that are due; how many were taken.</summary>
    public async Task<int> RoundAsync(Shard shard, CancellationToken ct)
    {
        var marks = new List<(Guid Organization, Guid Conversation, Guid Account, string Wamid, int Attempts)>();
        await using (var command =
            shard.App.CreateCommand(
                "SELECT organization_id, conversation_id, account_id, wamid, attempts FROM bsp.take_read_marks($1, $2, $3)"))
        {
            command.Parameters.Add(new() { Value = clock.GetUtcNow().UtcDateTime });
            command.Parameters.Add(new() { Value = (clock.GetUtcNow() + Lease).UtcDateTime });
            command.Parameters.Add(new() { Value = AtOnce });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                marks.Add((reader.GetGuid(0), reader.GetGuid(1), reader.GetGuid(2), reader.GetString(3), reader.GetInt32(4)));
            }
        }

        await Parallel.ForEachAsync(marks, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = ct },
            async (mark, token) =>
        {
            if (await ToldAsync(mark.Organization, mark.Account, mark.Wamid, token) || mark.Attempts >= AttemptsMax)
            {
                await DoneAsync(shard, mark.Organization, mark.Conversation, mark.Wamid, token);
            }
            else
            {
                await LaterAsync(shard, mark.Organization, mark.Conversation, mark.Wamid,
                    clock.GetUtcNow() + TimeSpan.FromSeconds(Math.Pow(2, mark.Attempts)), token);
            }
        });
        return marks.Count;
    }

    // True: nothing more is to be tried.
    private async Task<bool> ToldAsync(Guid organizationId, Guid accountId, string wamid, CancellationToken ct)
    {
        if (await numbers.FindAsync(organizationId, accountId, ct) is not { MaySend: true, HasToken: true } number)
        {
            return true; // a number that is not connected tells nothing, and what it would tell is old by then
        }

        try
        {
            await meta.MarkReadAsync(number.Meta, wamid, typing: false, ct);
            return true;
        }
        catch (MetaRefused refused)
        {
            LogRefused(accountId, refused.Message);
            return !refused.Retryable;
        }
    }

    private static async Task DoneAsync(Shard shard, Guid organizationId, Guid conversationId, string wamid, CancellationToken ct) =>
        // a later one stays
        await RunAsync(shard, organizationId, "DELETE FROM bsp.read_marks WHERE conversation_id = $1 AND wamid = $2", ct, conversationId,
            wamid);

    private static async Task LaterAsync(Shard shard, Guid organizationId, Guid conversationId, string wamid, DateTimeOffset due,
        CancellationToken ct) =>
        await RunAsync(shard, organizationId, "UPDATE bsp.read_marks SET due_at = $3 WHERE conversation_id = $1 AND wamid = $2", ct,
            conversationId, wamid, due.UtcDateTime);

    private static async Task RunAsync(Shard shard, Guid organizationId, string sql, CancellationToken ct, params object?[] arguments)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync(sql, ct, arguments);
        await transaction.CommitAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "read marks: shard {Shard} could not be looked at; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Information, Message = "read marks: Meta did not take one of account {AccountId}: {Reason}")]
    private partial void LogRefused(Guid accountId, string reason);
}
