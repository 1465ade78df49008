using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.Meta;
using MediatR;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// What Meta's answers to sends say of the recipients: a <c>wa_id</c> in another spelling than the number that was sent to is the same
/// person's (<see cref="RecognizeContact"/>). Nearly always nothing is asked of any
/// store. What is lost with a killed process is said again with the next message.
/// </summary>
public sealed partial class AnsweredNumbers(IMediator mediator, ILogger<AnsweredNumbers> log)
{
    /// <param name="calls">The contact, the content that was sent (null: it was not), and what Meta answered.</param>
    public async Task LearnAsync(
        Guid organizationId, IReadOnlyList<(Guid ContactId, string? Content, SendOutcome Answer)> calls, CancellationToken ct)
    {
        foreach (var (contact, content, answer) in calls)
        {
            if (answer.Recipient is not { } recipient || PhoneSpellings.Of(recipient.Sent).Contains(recipient.Known)
                || !PhoneSpellings.Alike(recipient.Sent, recipient.Known)
                || MessageDocumentContent.Parse(content) is not { } sent || MessageDocumentContent.Text(sent, "to") is not { } to
                || E164.OfWaId(to) != recipient.Sent)
            {
                continue; // nothing new, or no word about the number that was sent to
            }

            try
            {
                await mediator.Send(new RecognizeContact(organizationId, contact, recipient.Known, "wa_id"), ct);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                LogUnlearned(e, contact); // the message is out and its outcome written: that stands
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "sender: contact {ContactId} has another WhatsApp id, which could not be kept; the next answer says it again")]
    private partial void LogUnlearned(Exception e, Guid contactId);
}
