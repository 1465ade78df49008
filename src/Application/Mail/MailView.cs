using Bsp.Application.Common;
using MediatR;

namespace Bsp.Application.Mail;

/// <summary>A mail that went out, or is to; what it says is shown to nobody.</summary>
/// <param name="Kind"><c>password_reset</c>, <c>invitation</c> or <c>webhook_disabled</c>.</param>
/// <param name="To">Address.</param>
/// <param name="Status"><c>waiting</c>, <c>sent</c> (the mail server took it) or <c>failed</c>.</param>
/// <param name="Attempts">So far.</param>
/// <param name="Error">What the last attempt met; null: nothing.</param>
/// <param name="SentAt">Null: not yet, or never.</param>
public sealed record MailView(Guid Id, string Kind, string To, string Status, int Attempts, string? Error, DateTimeOffset CreatedAt,
    DateTimeOffset? SentAt);

/// <summary>The organization's mails of the last 30 days, newest first.</summary>
public sealed record ListMails(Guid OrganizationId, string? Cursor, int Limit) : IRequest<Page<MailView>>;
