using System.Text.Json.Serialization;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Teams;

/// <summary>People among whom conversations are handed out.</summary>
/// <param name="Assignment"><c>manual</c>, <c>round_robin</c> (who has waited longest for one) or <c>least_busy</c> (who has fewest). The
/// last two give only to members who are online.</param>
/// <param name="Capacity">Active conversations that a member has at most before none is handed to them; null: any number.</param>
/// <param name="MemberIds">Users.</param>
/// <param name="AccountIds">Numbers whose new conversations go to this team; a number has one team.</param>
public sealed record TeamView(Guid Id, Guid OrganizationId, string Name, string Assignment, int? Capacity, IReadOnlyList<Guid> MemberIds,
    IReadOnlyList<Guid> AccountIds, DateTimeOffset CreatedAt,
    DateTimeOffset UpdatedAt, [property: JsonIgnore] long RowVersion);

/// <summary>Refused with <c>team.name_taken</c>, <c>user.unknown</c>, <c>account.unknown</c>, <c>team.account_taken</c>.</summary>
public sealed record CreateTeam(Guid OrganizationId, string Name, string Assignment, int? Capacity, IReadOnlyList<Guid> MemberIds,
    IReadOnlyList<Guid> AccountIds) : ICommand;

/// <summary>What is absent stays. Refused as <see cref="CreateTeam"/> and with <c>team.unknown</c>.</summary>
/// <param name="SeenVersion">If-Match; null changes whatever is stored.</param>
public sealed record PatchTeam(Guid OrganizationId, Guid TeamId, Optional<string> Name, Optional<string> Assignment,
    Optional<int?> Capacity, Optional<IReadOnlyList<Guid>> MemberIds,
    Optional<IReadOnlyList<Guid>> AccountIds, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TeamId;
}

/// <summary>Its conversations keep who has them, and wait for nobody any more. Refused with <c>team.unknown</c>.</summary>
public sealed record DeleteTeam(Guid OrganizationId, Guid TeamId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => TeamId;
}

/// <summary>Null: there is none.</summary>
public sealed record GetTeam(Guid OrganizationId, Guid TeamId) : IRequest<TeamView?>;

/// <summary>In the order of ids.</summary>
public sealed record ListTeams(Guid OrganizationId, int Limit, string? Cursor) : IRequest<Page<TeamView>>;

public sealed class CreateTeamValidator : AbstractValidator<CreateTeam>
{
    public CreateTeamValidator()
    {
        RuleFor(t => t.Name).Must(TeamRules.IsName).WithMessage(TeamRules.NameRule);
        RuleFor(t => t.Assignment).Must(TeamRules.IsAssignment).WithMessage(TeamRules.AssignmentRule);
        RuleFor(t => t.Capacity).Must(TeamRules.IsCapacity).WithMessage(TeamRules.CapacityRule);
        RuleFor(t => t.MemberIds).Must(m => m.Count <= TeamRules.MembersMax).WithMessage(TeamRules.MembersRule);
        RuleFor(t => t.AccountIds).Must(a => a.Count <= TeamRules.AccountsMax).WithMessage(TeamRules.AccountsRule);
    }
}

public sealed class PatchTeamValidator : AbstractValidator<PatchTeam>
{
    public PatchTeamValidator()
    {
        RuleFor(t => t.Name).Must(n => !n.IsSet || TeamRules.IsName(n.Value)).WithMessage(TeamRules.NameRule);
        RuleFor(t => t.Assignment).Must(a => !a.IsSet || TeamRules.IsAssignment(a.Value)).WithMessage(TeamRules.AssignmentRule);
        RuleFor(t => t.Capacity).Must(c => !c.IsSet || TeamRules.IsCapacity(c.Value)).WithMessage(TeamRules.CapacityRule);
        RuleFor(t => t.MemberIds).Must(m => !m.IsSet || m.Value is { Count: <= TeamRules.MembersMax }).WithMessage(TeamRules.MembersRule);
        RuleFor(t => t.AccountIds).Must(a => !a.IsSet || a.Value is { Count: <= TeamRules.AccountsMax })
            .WithMessage(TeamRules.AccountsRule);
    }
}

internal static class TeamRules
{
    public const int MembersMax = 500;
    public const int AccountsMax = 100;
    private const int NameCharactersMax = 100;
    private const int CapacityMax = 1_000;

    public static readonly string NameRule = $"name must be 1 to {NameCharactersMax} characters.";
    public static readonly string AssignmentRule = "assignment must be manual, round_robin or least_busy.";
    public static readonly string CapacityRule = $"capacity must be 1 to {CapacityMax}, or null.";
    public static readonly string MembersRule = $"member_ids must be at most {MembersMax} users.";
    public static readonly string AccountsRule = $"account_ids must be at most {AccountsMax} accounts.";

    public static bool IsName(string? name) =>
        !string.IsNullOrWhiteSpace(name) && name.Length <= NameCharactersMax && !name.Any(char.IsControl);

    public static bool IsAssignment(string? assignment) => assignment is "manual" or "round_robin" or "least_busy";

    public static bool IsCapacity(int? capacity) => capacity is null or (>= 1 and <= CapacityMax);
}
