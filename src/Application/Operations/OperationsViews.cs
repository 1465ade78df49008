using MediatR;

namespace Bsp.Application.Operations;

/// <summary>What waits to be sent from one number.</summary>
/// <param name="Waiting">Ready, the urgent ones of people's answers included.</param>
/// <param name="Active">Being sent at this moment.</param>
/// <param name="Delayed">Whose time has not come.</param>
/// <param name="Failed">Given up as jobs; their messages say what became of them.</param>
/// <param name="NextLookAt">When the sender looks at it next.</param>
public sealed record QueueLine(Guid OrganizationId, Guid AccountId, long Waiting, long Active, long Delayed, long Failed, bool Paused,
    DateTimeOffset NextLookAt);

/// <summary>Numbers with work, those first that are due first; at most a hundred.</summary>
/// <param name="Lines">Numbers with work altogether.</param>
/// <param name="Paused">Somebody paused all sending.</param>
public sealed record QueueOverview(long Lines, bool Paused, IReadOnlyList<QueueLine> Data);

public sealed record GetQueueOverview : IRequest<QueueOverview>;
