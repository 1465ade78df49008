namespace Bsp.Application.Teams;

/// <summary>To which team a number's new conversations go.</summary>
public interface ITeamRoutes
{
    /// <summary>Null: to none. A change is seen within a second.</summary>
    ValueTask<Guid?> TeamOfAsync(Guid organizationId, Guid accountId, CancellationToken ct);
}
