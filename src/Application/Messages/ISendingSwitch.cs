namespace Bsp.Application.Messages;

/// <summary>Whether anything leaves for customers.</summary>
/// <param name="Held">Nothing leaves: no message, no campaign's page, no webhook to an organization's own systems.</param>
/// <param name="Reason">Said by whoever held it, at most 200 characters; null: none was said.</param>
/// <param name="ChangedAt">Null: nobody ever held it.</param>
public sealed record SendingState(bool Held, string? Reason, DateTimeOffset? ChangedAt);

/// <summary>The one switch for all processes; docs/decisions/0350.</summary>
public interface ISendingSwitch
{
    /// <summary>As the directory has it.</summary>
    Task<SendingState> ReadAsync(CancellationToken ct);

    /// <summary>Every process obeys within about two seconds; what Meta was already asked goes on to its end.</summary>
    /// <param name="reason">At most 200 characters.</param>
    Task<SendingState> SetAsync(bool held, string? reason, CancellationToken ct);
}
