namespace Bsp.Application.Conversations;

/// <summary>
/// Tells whoever follows the organization's stream what no event of the log says, in every process. Told to nobody while Redis is away.
/// </summary>
public interface IInboxNews
{
    /// <param name="userId">Null: a key.</param>
    Task TypingAsync(Guid organizationId, Guid conversationId, Guid? userId, CancellationToken ct);

    /// <param name="status"><c>online</c>, <c>away</c> or <c>offline</c>.</param>
    Task PresenceAsync(Guid organizationId, Guid userId, string status, CancellationToken ct);
}
