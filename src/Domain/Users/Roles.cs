using Bsp.Domain.Common;

namespace Bsp.Domain.Users;

/// <summary>The specification's roles of people, each including those before it, and who may give them.</summary>
public static class Roles
{
    /// <summary>From the least to the most.</summary>
    public static readonly IReadOnlyList<string> All = ["viewer", "agent", "manager", "admin", "super_admin"];

    /// <summary>The statuses of people; only an active one signs in.</summary>
    public static readonly IReadOnlyList<string> Statuses = ["active", "inactive", "suspended"];

    /// <summary>Nobody gives a role above their own, nor touches somebody who has one.</summary>
    /// <param name="actor">Role of who asks.</param>
    /// <param name="roles">What would be given, and who would be touched.</param>
    /// <exception cref="Refusal"><c>user.role_above_own</c></exception>
    public static void RequireReach(string actor, params IEnumerable<string> roles)
    {
        if (roles.FirstOrDefault(role => !Reaches(actor, role)) is { } above)
        {
            throw new Refusal("user.role_above_own",
                $"Your role is {actor}: you can neither give the role {above} nor change somebody who has it.");
        }
    }

    /// <summary>Whether a role may give another and touch who has it.</summary>
    public static bool Reaches(string actor, string role) => Rank(role) <= Rank(actor);

    /// <exception cref="ArgumentException">There is no such role.</exception>
    private static int Rank(string role)
    {
        for (var rank = 0; rank < All.Count; rank++)
        {
            if (All[rank] == role)
            {
                return rank;
            }
        }

        throw new ArgumentException($"There is no role {role}.", nameof(role));
    }
}
