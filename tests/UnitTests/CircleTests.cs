using System.Reflection;

namespace Bsp.UnitTests;

/// <summary>The folders of a project use each other in one direction only, so that each can be read, and moved, by itself.</summary>
public sealed class CircleTests
{
    [Theory]
    [InlineData(typeof(Domain.Common.Refusal))]
    [InlineData(typeof(Application.Common.ICommand))]
    [InlineData(typeof(Infrastructure.Composition))]
    [InlineData(typeof(Api.Common.Problem))]
    public void No_folders_of_a_project_use_each_other_in_a_circle(Type ofProject)
    {
        Assembly project = ofProject.Assembly;
        var circles = Folders.Circles(project);
        var uses = Folders.Uses(project);
        circles.ShouldBeEmpty(string.Join('\n', circles.SelectMany(circle => circle.Split(", ").SelectMany(folder =>
            uses[folder].Where(used => circle.Split(", ").Contains(used.Key)).Select(used => $"{folder} → {used.Key}: {used.Value}")))));
    }
}
