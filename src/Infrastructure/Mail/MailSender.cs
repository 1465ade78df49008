using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using MimeKit;

namespace Bsp.Infrastructure.Mail;

/// <summary>
/// Sends what waits, at once and until it is taken: after 10 s, 20 s, … an hour, as long as what it tells is true. Rows are leased, so a
/// killed process's are taken up by another; each mail stands alone. A mail that the server took a moment before a kill goes out twice,
/// under the same Message-Id. Nothing of what it says is logged.
/// </summary>
internal sealed partial class MailSender(Shards shards, MailSignal signal, ISecrets secrets, IMailTransport transport, MailOptions options,
    TimeProvider clock, ILogger<MailSender> log) : BackgroundService
{
    private const int AtOnce = 20;
    private const int OfOrganization = 5;
    private const int ErrorMax = 300;
    private const int SweptMax = 1_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(15); // of all that are taken up together
    private static readonly TimeSpan PauseFirst = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PauseMax = TimeSpan.FromHours(1);

    /// <summary>How long it is shown that a mail went out.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromDays(30);

    internal sealed record Due(Guid OrganizationId, Guid Id, string Kind, string To, string Content, int Attempts,
        DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt);

    /// <summary>Sends what is due in a shard; how many were taken up.</summary>
    public async Task<int> RoundAsync(Shard shard, CancellationToken ct)
    {
        var due = await TakeAsync(shard, ct);
        foreach (var mail in due)
        {
            await OneAsync(shard, mail, ct);
        }

        await using var sweep = shard.App.CreateCommand("SELECT bsp.sweep_mails($1, $2)");
        Tenancy.Bind(sweep.Parameters, [(clock.GetUtcNow() - Kept).UtcDateTime, SweptMax]);
        await sweep.ExecuteScalarAsync(ct);
        return due.Count;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    while (await RoundAsync(shard, stoppingToken) > 0)
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

    private async Task<List<Due>> TakeAsync(Shard shard, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        await using var command = shard.App.CreateCommand("""
            SELECT organization_id, id, kind, recipient, content, attempts, created_at, expires_at FROM bsp.take_mails($1, $2, $3, $4)
            """);
        Tenancy.Bind(command.Parameters, [now.UtcDateTime, (now + Lease).UtcDateTime, AtOnce, OfOrganization]);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var due = new List<Due>();
        while (await reader.ReadAsync(ct))
        {
            due.Add(new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), reader.GetString(4),
                reader.GetInt32(5), reader.GetFieldValue<DateTimeOffset>(6), reader.GetFieldValue<DateTimeOffset>(7)));
        }

        return due;
    }

    private async Task OneAsync(Shard shard, Due due, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (due.ExpiresAt <= now)
        {
            await EndAsync(shard, due, "failed", "What it told is no longer true.", null, ct);
            return;
        }

        try
        {
            await SendAsync(due, ct);
        }
        catch (MailRefused refused)
        {
            LogFailed(due.Id, due.OrganizationId, Text.Cut(refused.Message, ErrorMax));
            await EndAsync(shard, due, "failed", refused.Message, null, ct);
            return;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            LogFailed(due.Id, due.OrganizationId, Text.Cut(e.Message, ErrorMax));
            await LaterAsync(shard, due, e.Message, ct);
            return;
        }

        await EndAsync(shard, due, "sent", null, clock.GetUtcNow(), ct);
    }

    private async Task SendAsync(Due due, CancellationToken ct)
    {
        var note = JsonSerializer.Deserialize<MailNote>(secrets.Open(due.Content))!;
        var (subject, text) = MailTexts.Of(due.Kind, note, options);
        var mail = new OutgoingMail(due.Id, due.Kind, due.To, subject, text, due.CreatedAt);
        await transport.SendAsync(Message(mail), mail, ct);
    }

    private MimeMessage Message(OutgoingMail mail)
    {
        var message = new MimeMessage
        {
            Subject = mail.Subject, Date = mail.At, MessageId = $"{mail.Id:N}@{options.From.Split('@')[^1]}",
            Body = new TextPart("plain") { Text = mail.Text },
        };
        message.From.Add(new MailboxAddress(options.FromName, options.From));
        message.To.Add(new MailboxAddress("", mail.To));
        message.Headers.Add("Auto-Submitted", "auto-generated");
        return message;
    }

    private async Task LaterAsync(Shard shard, Due due, string error, CancellationToken ct)
    {
        var pause = PauseFirst * Math.Pow(2, Math.Min(due.Attempts - 1, 20));
        await RunAsync(shard, due, "UPDATE bsp.mails SET due_at = $2, error = $3 WHERE id = $1 AND status = 'waiting'", ct, due.Id,
            (clock.GetUtcNow() + (pause < PauseMax ? pause : PauseMax)).UtcDateTime, Text.Cut(error, ErrorMax));
    }

    private static Task EndAsync(Shard shard, Due due, string status, string? error, DateTimeOffset? sentAt, CancellationToken ct) =>
        RunAsync(shard, due, """
            UPDATE bsp.mails SET status = $2, error = $3::text, sent_at = $4::timestamptz, content = NULL
             WHERE id = $1 AND status = 'waiting'
            """, ct, due.Id, status, error is null ? null : Text.Cut(error, ErrorMax), sentAt?.UtcDateTime);

    private static async Task RunAsync(Shard shard, Due due, string sql, CancellationToken ct, params object?[] arguments)
    {
        await using var transaction = await shard.BeginAsync(due.OrganizationId, ct);
        await transaction.ExecuteAsync(sql, ct, arguments);
        await transaction.CommitUnmarkedAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "mails of shard {Shard} could not be looked up; trying again")]
    private partial void LogRound(Exception e, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "mail {Mail} of {Organization} did not go out: {Error}")]
    private partial void LogFailed(Guid mail, Guid organization, string error);
}
